import { expect, it } from "vitest";
import { startProcess } from "../support/service-process.ts";
import { PRESIGN, presignInit } from "../http/service.ts";
import { receiptKey } from "../support/receipt-key.ts";

/** The lines of the audit among those of the log. */
const auditIn = (output: string): ReadonlyArray<Readonly<Record<string, unknown>>> =>
  output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))
    .filter((line) => "audit" in line);

const proxied = {
  AUTH: "forward",
  FORWARD_AUTH_TRUSTED: "127.0.0.1",
  RECEIPT_KEYS: `test:${receiptKey("test").toString("base64")}`,
  LOG_FORMAT: "json",
};
const headers = { "X-Forwarded-User": "alice", "X-Forwarded-Groups": "acme" };
const linesOf = async (env: Readonly<Record<string, string>>) => {
  const service = await startProcess(env);
  const init = presignInit(undefined, { Authorization: `Bearer ${service.token}`, ...headers });
  const answer = await fetch(`${service.address}${PRESIGN}`, init);
  await service.stop();
  return { id: answer.headers.get("x-request-id"), lines: auditIn(service.output()) };
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
