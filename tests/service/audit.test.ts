import { expect, it } from "vitest";
import { atTestEnd } from "../support/at-test-end.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { PRESIGN, presignInit } from "../http/service.ts";
import { receiptKey } from "../support/receipt-key.ts";

async function start(env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
  const service = await startProcess(env);
  atTestEnd(service.stop);
  return service;
}

/** The lines of the audit among those of the log. */
const auditIn = (output: string): ReadonlyArray<Readonly<Record<string, unknown>>> =>
  output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))
    .filter((line) => "audit" in line);

const post = async (service: ServiceProcess, path: string, body: unknown, headers = {}) => {
  const init = presignInit(body, { Authorization: `Bearer ${service.token}`, ...headers });
  const answer = await fetch(`${service.address}${path}`, init);
  return {
    status: answer.status,
    id: answer.headers.get("x-request-id"),
    body: await answer.json(),
  };
};
const GOOD = { filename: "a.png", content_type: "image/png", size: 5 };

const proxied = {
  AUTH: "forward",
  FORWARD_AUTH_TRUSTED: "127.0.0.1",
  RECEIPT_KEYS: `test:${receiptKey("test").toString("base64")}`,
  LOG_FORMAT: "json",
};
const headers = { "X-Forwarded-User": "alice", "X-Forwarded-Groups": "acme" };
const linesOf = async (env: Readonly<Record<string, string>>) => {
  const service = await start(env);
  const { id } = await post(service, PRESIGN, GOOD, headers);
  await service.stop();
  return { id, lines: auditIn(service.output()) };
};

it("without the variable AUDIT, the audit goes to standard output, beside the log", async () => {
  const { id, lines } = await linesOf(proxied);
  expect(lines).toEqual([
    expect.objectContaining({ audit: "presign", subject: "alice", request_id: id }),
  ]);
});

it("without the variable AUDIT, the audit is not written in development or if it is off, and is written if it is asked for", async () => {
  expect((await linesOf({ ...proxied, AUDIT: "off" })).lines).toEqual([]);
  expect((await linesOf({ LOG_FORMAT: "json" })).lines).toEqual([]);
  expect((await linesOf({ LOG_FORMAT: "json", AUDIT: "stdout" })).lines).toHaveLength(1);
});
