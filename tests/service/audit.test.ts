import { describe, expect, it } from "vitest";
import { atTestEnd } from "../support/at-test-end.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { PRESIGN, presignInit } from "../http/service.ts";
import { receiptKey } from "../support/receipt-key.ts";

async function start(env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
  const service = await startProcess(env);
  atTestEnd(service.stop);
  return service;
}

const at = (name: string) => PRESIGN.replace("presign", name);

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
const GOOD = { filename: "secret-name.png", content_type: "image/png", size: 5 };

describe("each decision", () => {
  it("adds one line to standard output: who, what, from where and which request, and no secret", async () => {
    const service = await start({
      AUDIT: "stdout",
      LOG_FORMAT: "json",
      STORAGE_POLICIES: '{"files": {"link_lifetime": "30 days"}}',
    });
    const granted = await post(service, PRESIGN, GOOD);
    const { key, put_url, put_headers, receipt } = granted.body;
    const early = await post(service, at("confirm"), { receipt });
    await fetch(put_url, { method: "PUT", headers: put_headers, body: "bytes" });
    const confirmed = await post(service, at("confirm"), { receipt });
    const link = await post(service, at("links"), { receipt });
    const asUser = { headers: { Authorization: `Bearer ${service.token}` }, redirect: "manual" };
    const opened = await fetch(confirmed.body.file_url, asUser as RequestInit);
    const followed = await fetch(link.body.link_url, { redirect: "manual" });
    const unknown = await post(service, PRESIGN, GOOD, { Authorization: "Bearer wrong" });
    expect([opened.status, followed.status, unknown.status]).toEqual([302, 302, 401]);
    await service.stop();

    const lines = auditIn(service.output());
    const member = { subject: "developer", kind: "user", slug: "acme", organization: "acme" };
    const developer = { ...member, key };
    const content_type = "image/png";
    const file = { policy: "files", size: 5, content_type };
    const everywhere = {
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      address: "127.0.0.1",
    };
    const line = (audit: string, request_id: string | null, facts: object) => ({
      ...everywhere,
      audit,
      decision: "granted",
      request_id,
      ...facts,
    });
    expect(lines).toEqual([
      line("presign", granted.id, { ...developer, ...file }),
      line("confirm", early.id, {
        ...developer,
        ...file,
        decision: "refused",
        code: "UPLOAD_INCOMPLETE",
      }),
      line("confirm", confirmed.id, { ...developer, ...file }),
      line("links", link.id, { ...developer, ...file }),
      line("open", opened.headers.get("x-request-id"), { ...developer, content_type }),
      line("follow", followed.headers.get("x-request-id"), { key, content_type, policy: "files" }),
      line("presign", unknown.id, { decision: "refused", code: "UNAUTHENTICATED", slug: "acme" }),
    ]);
    const text = JSON.stringify(lines);
    for (const secret of [service.token, receipt, "X-Amz-", "http", "secret-name", "wrong"]) {
      expect(text).not.toContain(secret);
    }
    expect(text).not.toContain(new URL(link.body.link_url).pathname.slice("/f/".length));
  });
});

describe("without the variable AUDIT, the audit", () => {
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

  it("goes to standard output, beside the log", async () => {
    const { id, lines } = await linesOf(proxied);
    expect(lines).toEqual([
      expect.objectContaining({ audit: "presign", subject: "alice", request_id: id }),
    ]);
  });

  it("is not written in development or if it is off, and is written if it is asked for", async () => {
    expect((await linesOf({ ...proxied, AUDIT: "off" })).lines).toEqual([]);
    expect((await linesOf({ LOG_FORMAT: "json" })).lines).toEqual([]);
    expect((await linesOf({ LOG_FORMAT: "json", AUDIT: "stdout" })).lines).toHaveLength(1);
  });
});
