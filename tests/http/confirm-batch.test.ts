import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import { TestClock } from "effect/testing";
import { expect, it } from "vitest";
import type { AuditEvent } from "../../application/ports/audit.ts";
import { StoreUnavailable } from "../../domain/errors.ts";
import type { UploadEvent } from "../../domain/upload-event.ts";
import { as, embedded, FILE, PRESIGN, SERVICE_TOKEN, startService, withStore } from "./service.ts";

const CONFIRM = PRESIGN.replace("presign", "confirm");
const BATCH = `${CONFIRM}/batch`;

/** A service over the embedded store, with what it audits, sends and logs. */
async function start(over: NonNullable<Parameters<typeof startService>[0]> = {}) {
  const store = embedded();
  const audit: Array<AuditEvent> = [];
  const events: Array<UploadEvent> = [];
  const log: Array<string> = [];
  const logger = Logger.make<unknown, void>(
    ({ message }) => void log.push(JSON.stringify(message)),
  );
  const { send } = await startService({
    storage: store.layer,
    audit,
    events,
    log: logger,
    ...over,
  });
  const ask = (receipts: unknown, ...more: [] | [ReturnType<typeof as>]) =>
    send(BATCH, { receipts }, ...more);
  /** The receipt of an upload that has arrived, unless it is not sent. */
  const receipt = async ({ isSent = true } = {}): Promise<string> => {
    const { put_url, put_headers, receipt } = (await send(PRESIGN, FILE)).body;
    if (isSent) await store.put(put_url, put_headers);
    audit.length = 0;
    return receipt;
  };
  return { ask, audit, events, log, receipt, send };
}

/** The same answer to both: a URL is signed anew for each. */
const withoutUrls = (file: object) => ({ ...file, get_url: "", get_expires_at: "" });

it("several uploads are answered in the order of their receipts, each as if it was confirmed alone", async () => {
  const { ask, receipt, send } = await start();
  const receipts = [await receipt(), "x", await receipt({ isSent: false }), await receipt()];
  const { status, headers, body } = await ask(receipts);
  expect([status, headers.get("cache-control")]).toEqual([200, "no-store"]);
  expect(body.uploads).toHaveLength(4);
  for (const [index, { file, problem }] of body.uploads.entries()) {
    const alone = await send(CONFIRM, { receipt: receipts[index] });
    if (alone.status === 200) expect(withoutUrls(file)).toEqual(withoutUrls(alone.body));
    else expect(problem).toEqual(alone.body);
    expect([file, problem]).toContain(undefined);
  }
  const codes = body.uploads.map(({ problem }: { problem?: { code: string } }) => problem?.code);
  expect(codes).toEqual([undefined, "INVALID_RECEIPT", "UPLOAD_INCOMPLETE", undefined]);
});

it("each of several uploads has its line of the audit and its event, under the id of one request", async () => {
  const { ask, audit, events, receipt } = await start();
  const receipts = [await receipt(), await receipt({ isSent: false }), "x", await receipt()];
  const { headers, body } = await ask(receipts);
  const requestId = headers.get("x-request-id");
  const all = { action: "confirm", slug: "acme", organization: "org_1", requestId };
  const [first, , , last] = body.uploads;
  expect(audit).toMatchObject([
    { ...all, key: first.file.key, size: 5, policy: "files", refusal: undefined },
    { ...all, size: 5, policy: "files", refusal: "UPLOAD_INCOMPLETE" },
    { ...all, refusal: "INVALID_RECEIPT" },
    { ...all, key: last.file.key, size: 5, policy: "files", refusal: undefined },
  ]);
  expect(audit[2]).not.toHaveProperty("key");
  expect(events.map(({ type, data }) => [type, "key" in data && data.key])).toEqual(
    expect.arrayContaining([
      ["upload.confirmed", first.file.key],
      ["upload.confirmed", last.file.key],
    ]),
  );
  expect(events).toHaveLength(2);
});

it("a service confirms what others were granted", async () => {
  const { ask, receipt } = await start();
  const receipts = [await receipt(), await receipt()];
  const { body } = await ask(receipts, as(SERVICE_TOKEN));
  expect(body.uploads.map(({ file }: { file?: object }) => file !== undefined)).toEqual([
    true,
    true,
  ]);
});

it("a batch of receipts counts as one request", async () => {
  const subject = { count: 2, window: Duration.hours(1) };
  const { ask } = await start({ limits: { requests: { subject }, daily: {} } });
  const statuses = [];
  for (let asked = 0; asked < 3; asked++) statuses.push((await ask(["x", "y", "z"])).status);
  expect(statuses).toEqual([200, 200, 429]);
});

it("sixteen are confirmed at once, and what comes too late is to be asked again", async () => {
  const store = embedded();
  const clock = await Effect.runPromise(Effect.scoped(TestClock.make()));
  await Effect.runPromise(clock.setTime(Date.now()));
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  let looks = 0;
  const storage = withStore(store.layer, (real) => ({
    ...real,
    head: (key) => {
      if (++looks === 16) reached.resolve();
      return Effect.andThen(
        Effect.promise(() => gate.promise),
        real.head(key),
      );
    },
  }));
  const { send } = await startService({
    storage: Layer.merge(storage, Layer.succeed(Clock.Clock, clock)),
  });
  const receipts: Array<string> = [];
  for (let index = 0; index < 20; index++) {
    const { put_url, put_headers, receipt } = (await send(PRESIGN, FILE)).body;
    await store.put(put_url, put_headers);
    receipts.push(receipt);
  }
  const asked = send(BATCH, { receipts });
  await reached.promise;
  expect(looks).toBe(16);
  await Effect.runPromise(clock.adjust("11 seconds"));
  gate.resolve();
  const { uploads } = (await asked).body;
  const pending = { problem: { status: 202, code: "UPLOAD_PENDING" }, retry_after: 1 };
  expect(uploads.slice(16)).toMatchObject([pending, pending, pending, pending]);
  expect(uploads.filter(({ file }: { file?: object }) => file !== undefined)).toHaveLength(16);
  const again = await send(BATCH, { receipts: receipts.slice(16) });
  expect(again.body.uploads.filter(({ file }: { file?: object }) => file)).toHaveLength(4);
});

it("what fails for one upload is its own problem, and the operator finds the cause in the log", async () => {
  const store = embedded();
  const reason = "the store has gone to sleep";
  const failures = [
    Effect.die(new Error("a fault")),
    new StoreUnavailable({ reason, kind: "refused" }),
  ];
  let looks = 0;
  const storage = withStore(store.layer, (real) => ({
    ...real,
    head: (key) => failures[looks++] ?? real.head(key),
  }));
  const { audit, log, send } = await start({ storage });
  const receipts: Array<string> = [];
  for (let index = 0; index < 3; index++) {
    const { put_url, put_headers, receipt } = (await send(PRESIGN, FILE)).body;
    await store.put(put_url, put_headers);
    receipts.push(receipt);
  }
  audit.length = 0;
  const { headers, body } = await send(BATCH, { receipts });
  const request_id = headers.get("x-request-id");
  expect(body.uploads).toMatchObject([
    { problem: { status: 500, code: "INTERNAL", request_id } },
    { problem: { status: 503, code: "STORE_UNAVAILABLE" }, retry_after: expect.any(Number) },
    { file: { size: 5 } },
  ]);
  expect(JSON.stringify(body)).not.toMatch(/sleep|a fault/);
  for (const cause of [reason, "a fault"]) {
    expect(
      log.filter((line) => line.includes(cause) && line.includes(`${request_id}`)),
    ).toHaveLength(1);
  }
  expect(audit.map(({ refusal }) => refusal)).toEqual(["INTERNAL", "STORE_UNAVAILABLE", undefined]);
});

it.each<[string, unknown, string]>([
  ["no receipts", undefined, "/receipts"],
  ["an empty list", [], "/receipts"],
  ["101 receipts", Array.from({ length: 101 }, () => "x"), "/receipts"],
  ["200,000 receipts", Array.from({ length: 200_000 }, () => 0), "/receipts"],
  ["a number for a receipt", ["x", 5], "/receipts/1"],
])("a batch with %s is refused with 400 and a pointer", async (_, receipts, pointer) => {
  const { body } = await (await start()).ask(receipts);
  expect(body).toMatchObject({ status: 400, code: "INVALID_REQUEST", errors: [{ pointer }] });
});
