import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { expect, it } from "vitest";
import type { AuditEvent } from "../../application/ports/audit.ts";
import { Scanner, type Verdict } from "../../application/ports/scanner.ts";
import { ScannerUnavailable } from "../../domain/errors.ts";
import { startS3 } from "../support/s3-server.ts";
import { presignInit, startService, storeAt } from "./service.ts";

/** The answer to a confirm whose scan has this outcome, and to a look at what is ready. */
async function confirmed(outcome: Effect.Effect<Verdict, ScannerUnavailable>) {
  const { env } = await startS3();
  const audit: Array<AuditEvent> = [];
  const { request } = await startService({
    audit,
    policy: { arrival: "incoming", verifyContent: false, writeOnce: true, scan: "clamd" },
    storage: Layer.merge(
      storeAt(env),
      Layer.succeed(Scanner, { check: Effect.asVoid(outcome), scan: () => outcome }),
    ),
  });
  const granted = await request("/api/v1/orgs/acme/files/presign", presignInit());
  const { put_url: url, put_headers: headers, receipt } = await granted.json();
  expect((await fetch(url, { method: "PUT", headers, body: "12345" })).status).toBe(200);
  const answer = await request("/api/v1/orgs/acme/files/confirm", presignInit({ receipt }));
  const ready = await (await request("/readyz")).json();
  return { answer, body: await answer.text(), event: audit.at(-1), ready };
}

it("the finding of a scan is in the audit, and not in the answer", async () => {
  for (const verdict of [{ infected: "Eicar-Test" }, { unscannable: "Eicar-Test" }]) {
    const { answer, body, event } = await confirmed(Effect.succeed(verdict));
    expect(answer.status).toBe(409);
    expect(JSON.parse(body)).toMatchObject({ code: "UPLOAD_REFUSED_BY_SCAN" });
    expect(body).not.toContain("Eicar");
    expect(event).toMatchObject({ refusal: "UPLOAD_REFUSED_BY_SCAN", finding: "Eicar-Test" });
  }
});

it("a scanner that is away is 503 with Retry-After, and a part that is failing", async () => {
  const away = new ScannerUnavailable({ reason: "clamd is away" });
  const { answer, body, ready } = await confirmed(Effect.fail(away));
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
  expect(JSON.parse(body)).toMatchObject({ code: "SCANNER_UNAVAILABLE" });
  expect(body).not.toContain("away");
  expect(ready).toMatchObject({
    status: "degraded",
    parts: { scanner: { state: "failing", reason: "clamd is away" } },
  });
});
