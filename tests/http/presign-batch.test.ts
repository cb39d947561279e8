import * as Duration from "effect/Duration";
import { expect, it } from "vitest";
import type { AuditEvent } from "../../application/ports/audit.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { PRESIGN, presignInit, startService } from "./service.ts";

const BATCH = PRESIGN.replace("presign", "batch");
const GOOD = { filename: "a.png", content_type: "image/png", size: 5 };
const LARGE = { ...GOOD, size: 2 ** 40 };
const files = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ ...GOOD, filename: `${n}.png`, size: n + 1 }));

/** A service, a function that sends it a batch, and its audit events. */
async function start(over: NonNullable<Parameters<typeof startService>[0]> = {}) {
  const events: Array<AuditEvent> = [];
  const { request, send } = await startService({ audit: events, ...over });
  const ask = (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    send(BATCH, body, { headers });
  return { ask, events, request, send };
}

const keysOf = ({ body }: { readonly body: { uploads: ReadonlyArray<{ key: string }> } }) =>
  body.uploads.map(({ key }) => key);
const pointersOf = ({ body }: { readonly body: { errors: ReadonlyArray<{ pointer: string }> } }) =>
  body.errors.map(({ pointer }) => pointer);
const lengthIn = (url: string) => new URL(url).searchParams.get("X-Amz-SignedHeaders");

it("a batch is answered in the order of its files, each as if it was requested alone", async () => {
  const { ask, send } = await start();
  const { body: single } = await send(PRESIGN, GOOD);
  const names = ["a.png", "b.gif", "c.webp", "d.avif"];
  const answer = await ask({
    files: names.map((filename) => ({
      ...GOOD,
      filename,
      content_type: `image/${filename.slice(2)}`,
    })),
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(keysOf(answer).map((key) => key.split(".").at(-1))).toEqual([
    "png",
    "gif",
    "webp",
    "avif",
  ]);
  for (const upload of answer.body.uploads) {
    expect(Object.keys(upload)).toEqual(Object.keys(single));
    expect(new URL(upload.put_url).pathname).toBe(`/files/${upload.key}`);
    expect(lengthIn(upload.put_url)).toBe(lengthIn(single.put_url));
  }
  expect(answer.body.uploads[1].put_headers).toEqual({ "Content-Type": "image/gif" });
  expect(new Set(answer.body.uploads.map(({ receipt }: { receipt: string }) => receipt)).size).toBe(
    4,
  );
});

it("the policy and strict of a batch are for the files that leave them out", async () => {
  const { ask } = await start({
    policies: { small: { maxSize: ByteSize.make(10) } },
  });
  const large = { ...GOOD, size: 11 };
  const refused = await ask({ files: [GOOD, large], policy: "small" });
  expect([refused.status, pointersOf(refused)]).toEqual([413, ["/files/1/size"]]);
  const answer = await ask({
    files: [GOOD, { ...large, policy: "files" }, { ...GOOD, strict: false }],
    policy: "small",
    strict: true,
  });
  expect(answer.status).toBe(200);
  const onces = answer.body.uploads.map(
    ({ put_headers }: { put_headers: object }) => "If-None-Match" in put_headers,
  );
  expect(onces).toEqual([true, true, false]);
});

it("a batch counts as one request", async () => {
  const subject = { count: 2, window: Duration.hours(1) };
  const { ask } = await start({ limits: { requests: { subject }, daily: {} } });
  for (const [status, remaining] of [
    [200, 1],
    [200, 0],
    [429, 0],
  ]) {
    const { headers, ...answer } = await ask({ files: files(50) });
    expect(answer.status).toBe(status);
    expect(headers.get("ratelimit")).toContain(`r=${remaining};`);
  }
});

const daily = { objects: 3, bytes: 30 };

it.each([
  ["the objects of the day end in the middle", files(4), files(3)],
  [
    "the bytes of the day end in the middle",
    [GOOD, { ...GOOD, size: 26 }],
    [{ ...GOOD, size: 30 }],
  ],
])("nothing of a batch is granted or counted if %s", async (_, tooMany, rest) => {
  const { ask } = await start({ limits: { requests: {}, daily } });
  const refused = await ask({ files: tooMany });
  expect([refused.status, refused.body.code]).toEqual([429, "QUOTA_EXCEEDED"]);
  expect(refused.body).not.toHaveProperty("uploads");
  expect((await ask({ files: rest })).status).toBe(200);
  expect((await ask({ files: [GOOD] })).status).toBe(429);
});

it("nothing of a batch is granted or counted if one file is refused", async () => {
  const { ask } = await start({ limits: { requests: {}, daily } });
  for (const index of [0, 1, 2]) {
    const refused = await ask({ files: files(3).with(index, { ...LARGE, filename: "x.png" }) });
    expect(refused.status).toBe(413);
    expect(pointersOf(refused)).toEqual([`/files/${index}/size`]);
    expect(refused.body).not.toHaveProperty("uploads");
  }
  expect((await ask({ files: files(3) })).status).toBe(200);
});

it.each([
  ["size", 413, "FILE_TOO_LARGE", { size: 2 ** 40 }, { limit: 10 * 2 ** 20, actual: 2 ** 40 }],
  ["content_type", 415, "UNSUPPORTED_MEDIA_TYPE", { content_type: "text/html" }, {}],
  ["policy", 400, "UNKNOWN_POLICY", { policy: "none" }, { known: ["files", "summed"] }],
  ["policy", 403, "FORBIDDEN", { policy: "staff" }, {}],
  ["checksum", 400, "INVALID_CHECKSUM", { policy: "summed" }, {}],
])(
  "a batch in which the %s of a file is refused is answered with %i %s, and names the file",
  async (member, status, code, over, facts) => {
    const { ask, send } = await start({
      policies: { staff: { callers: ["service"] }, summed: { requireChecksum: true } },
    });
    const bad = { ...GOOD, ...over };
    const { body } = await ask({ files: [GOOD, GOOD, GOOD, bad, LARGE] });
    const pointer = `/files/3/${member}`;
    expect(body).toMatchObject({ status, code, ...facts });
    expect(body.errors).toEqual([{ pointer, reason: expect.stringMatching(/./) }]);
    const { errors: _, detail, ...alone } = body;
    const { body: single } = await send(PRESIGN, bad);
    expect({ ...alone, detail }).toEqual({ ...single, detail: `${pointer}: ${single.detail}` });
  },
);

it.each<[string, unknown, ReadonlyArray<string>]>([
  ["no files", {}, ["/files"]],
  ["a list without a file", { files: [] }, ["/files"]],
  ["101 files", { files: files(101) }, ["/files"]],
  ["null for a file", { files: [GOOD, null] }, ["/files/1"]],
  ["a file for the body", GOOD, ["/files", "/filename", "/content_type", "/size"]],
  ["an unknown member", { files: [GOOD], key: "orgs/acme" }, ["/key"]],
  [
    "an unknown member of a file",
    { files: [GOOD, { ...GOOD, key: "orgs/acme" }] },
    ["/files/1/key"],
  ],
  [
    "two bad files",
    { files: [{ ...GOOD, size: 0 }, GOOD, { ...GOOD, filename: "" }] },
    ["/files/0/size", "/files/2/filename"],
  ],
  ["21,000 empty objects", { files: Array.from({ length: 21_000 }, () => ({})) }, ["/files"]],
])("a batch with %s is refused with 400 and pointers", async (_, body, pointers) => {
  const { ask } = await start();
  const refused = await ask(body);
  expect(refused.body).toMatchObject({ status: 400, code: "INVALID_REQUEST" });
  expect(pointersOf(refused).toSorted()).toEqual(pointers.toSorted());
  for (const { reason } of refused.body.errors) expect(reason).toMatch(/^(?:it |Cannot parse )/);
});

it("a batch whose body has more than 64 KiB is refused with 413, also without a Content-Length", async () => {
  const { ask, request } = await start();
  const text = JSON.stringify({ files: [GOOD] });
  expect((await ask(text.padEnd(64 * 1024))).status).toBe(200);
  const limit = 64 * 1024;
  const tooLong = text.padEnd(limit + 1);
  expect((await ask(tooLong)).body).toMatchObject({ status: 413, code: "BODY_TOO_LARGE", limit });
  const init = { ...presignInit(), body: new Blob([tooLong]).stream(), duplex: "half" };
  expect((await request(BATCH, init)).status).toBe(413);
});

it("the audit has one event for each upload of a batch, all with the id of one request", async () => {
  const { ask, events } = await start({ policies: { other: {} } });
  const answer = await ask({ files: [GOOD, { ...GOOD, size: 6, policy: "other" }] });
  const requestId = answer.headers.get("x-request-id");
  const [first, second] = keysOf(answer);
  const all = { action: "presign", refusal: undefined, requestId, slug: "acme" };
  expect(events).toMatchObject([
    { ...all, key: first, size: 5, policy: "files", contentType: "image/png" },
    { ...all, key: second, size: 6, policy: "other", contentType: "image/png" },
  ]);
  expect(events).toHaveLength(2);
});

it("the audit has one event without a key for each upload of a refused batch", async () => {
  const { ask, events } = await start();
  await ask({ files: [GOOD, LARGE] });
  expect(events).toMatchObject([
    { refusal: "FILE_TOO_LARGE", size: 5 },
    { refusal: "FILE_TOO_LARGE", size: 2 ** 40 },
  ]);
  for (const event of events) expect(event.key).toBeUndefined();
});

it("the audit has one event for a batch whose body could not be read, or whose caller was not admitted", async () => {
  const { ask, events } = await start();
  await ask({ files: [] });
  await ask({ files: files(3) }, { Authorization: "Bearer wrong" });
  expect(events.map(({ refusal }) => refusal)).toEqual(["INVALID_REQUEST", "UNAUTHENTICATED"]);
});
