import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import type { UsageSettings } from "../../adapters/limits/usage/counter.ts";
import { placeOf } from "../../adapters/storage/local/key-tree.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { StoreUnavailable } from "../../domain/errors.ts";
import { Scope } from "../../domain/principal.ts";
import { KeyTemplate } from "../../domain/storage-key.ts";
import type { UploadEvent } from "../../domain/upload-event.ts";
import { until } from "../support/until.ts";
import { as, embedded, FILE, PRESIGN, SERVICE_TOKEN, startService, withStore } from "./service.ts";

const FILES = PRESIGN.replace("/presign", "");
const USAGE = FILES.replace("/files", "/usage");
const OWN = Schema.decodeSync(KeyTemplate)("orgs/{organization}/{subject}/{id}{extension}");

/** A service that counts, over the embedded store. */
async function start(
  usage: Partial<UsageSettings> = {},
  over: Partial<Parameters<typeof startService>[0]> = {},
  { layer, put } = embedded(),
) {
  const events: Array<UploadEvent> = [];
  const service = await startService({
    storage: layer,
    usage,
    events,
    policies: { own: { key: OWN } },
    ...over,
  });
  const { send } = service;
  const grant = async (over: object = {}) => (await send(PRESIGN, { ...FILE, ...over })).body;
  const confirm = ({ receipt }: { readonly receipt: string }) =>
    send(`${FILES}/confirm`, { receipt });
  const upload = async (over: object = {}) => {
    const granted = await grant(over);
    await put(granted.put_url, granted.put_headers);
    return (await confirm(granted)).body;
  };
  const remove = ({ file_url }: { readonly file_url: string }) =>
    send(new URL(file_url).pathname, undefined, { method: "DELETE" });
  const usageOf = async (query = "") => (await send(`${USAGE}${query}`)).body;
  /** The count is known once the store was listed in the background. */
  const known = () => until("the count", async () => (await usageOf()).known);
  const thresholds = () =>
    events.flatMap(({ type, data }) =>
      type === "usage.threshold" ? [[data.percent, data.bytes, data.subject]] : [],
    );
  return { send, put, grant, confirm, upload, remove, usageOf, known, thresholds, events };
}

it("what is stored and granted is told, with the limit, and since when it is known", async () => {
  const { grant, upload, remove, usageOf, known } = await start({ bytes: 40 });
  expect(await usageOf()).toMatchObject({ files: 0, bytes: 0, known: false });
  const file = await upload();
  await known();
  await upload();
  await grant({ size: 9 });
  expect(await usageOf()).toEqual({
    files: 2,
    bytes: 10,
    granted: 9,
    open: 1,
    limit: 40,
    percent: 25,
    known: true,
    since: expect.stringMatching(/^2\d{3}-.*Z$/),
  });
  await remove(file);
  await remove(file);
  expect(await usageOf()).toMatchObject({ files: 1, bytes: 5, percent: 12 });
});

it.each([
  [{ bytes: 10 }, {}],
  [{ bytesPerSubject: 10 }, { policy: "own" }],
] as const)(
  "a limit holds from the first upload on, of hundreds at once and after a restart: %j",
  async (limits, over) => {
    const storage = embedded();
    const first = await start(limits, {}, storage);
    expect((await first.grant({ ...over, size: 11 })).code).toBe("STORAGE_FULL");
    const together = async ({ grant }: Awaited<ReturnType<typeof start>>) => {
      const answers = await Promise.all(Array.from({ length: 200 }, () => grant(over)));
      return answers.filter(({ code }) => code !== "STORAGE_FULL");
    };
    const granted = await together(first);
    expect(granted).toEqual(
      Array(2).fill(expect.objectContaining({ receipt: expect.any(String) })),
    );
    for (const each of granted) {
      await first.put(each.put_url, each.put_headers);
      await first.confirm(each);
    }
    expect(await together(await start(limits, {}, storage))).toEqual([]);
  },
);

it("a person asks for the folder of their own, which others' files are not in", async () => {
  const { upload, send, usageOf } = await start({ bytesPerSubject: 10 });
  await upload({ policy: "own" });
  await upload();
  expect(await usageOf("?mine=true")).toMatchObject({ files: 1, bytes: 5, limit: 10, percent: 50 });
  expect(await usageOf()).toMatchObject({ files: 2, bytes: 10 });
  expect(await usageOf()).not.toHaveProperty("limit");
  const other = await send(`${USAGE}?mine=true`, undefined, as(SERVICE_TOKEN));
  expect(other.body).toMatchObject({ files: 0, bytes: 0 });
  for (const query of ["?mine=yes", "?subject=mia", "?mine=true&mine=1"]) {
    expect(await usageOf(query)).toMatchObject({ code: "INVALID_REQUEST" });
  }
});

it("the limit that is told is that of the plan, where there is one", async () => {
  const mia = {
    kind: "user",
    subject: "mia",
    scopes: new Set(Scope.literals),
    organizations: "every",
    storedBytes: ByteSize.make(50),
  } as const;
  const authenticator = { authenticate: () => Effect.succeed(mia) };
  const { grant, usageOf } = await start({ bytes: 40, bytesPerSubject: 10 }, { authenticator });
  await grant({ policy: "own" });
  expect(await usageOf("?mine=true")).toMatchObject({ granted: 5, limit: 50 });
  expect(await usageOf()).toMatchObject({ granted: 5, limit: 40 });
  await grant();
  expect(await usageOf()).toMatchObject({ granted: 10, limit: 50 });
});

it("an upload that has no room takes none of the day's uploads", async () => {
  const limits = { requests: {}, daily: { objects: 2 } };
  const { grant, upload, known } = await start({ bytes: 10 }, { limits });
  await upload();
  await known();
  expect((await grant({ size: 6 })).code).toBe("STORAGE_FULL");
  expect((await grant()).receipt).toBeDefined();
  expect((await grant({ size: 1 })).code).toBe("QUOTA_EXCEEDED");
});

it("an upload in parts that the store did not begin takes no room", async () => {
  const store = embedded();
  const away = Effect.fail(new StoreUnavailable({ kind: "timeout", reason: "it hangs" }));
  const storage = withStore(store.layer, (all) => ({
    ...all,
    ...(all.parts && { parts: { ...all.parts, create: () => away } }),
  }));
  const { send, usageOf } = await start({ open: 1 }, { storage }, store);
  expect((await send(`${FILES}/multipart`, FILE)).status).toBe(503);
  expect(await usageOf()).toMatchObject({ granted: 0, open: 0 });
});

it("a file that may change is looked at once no receipt of it can be valid", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const store = embedded();
  const { grant, upload, usageOf, known } = await start({}, {}, store);
  const { key, final } = await upload();
  expect(final).toBe(false);
  await known();
  // Another program removes it.
  rmSync(placeOf(join(store.directory, "objects"), `/files/${key}`));
  vi.setSystemTime(Date.now() + 2 * 24 * 60 * 60 * 1000);
  await grant();
  await until("a look at the file", async () => (await usageOf()).files === 0);
});

const full = (granted: number) => ({
  status: 507,
  body: { code: "STORAGE_FULL", used: 5, granted, limit: 40 },
});

it("one PUT, a batch and parts beyond the limit are refused, and ten at once cannot pass it", async () => {
  const { send, grant, upload, known } = await start({ bytes: 40 });
  await upload();
  await known();
  expect(await send(PRESIGN, { ...FILE, size: 36 })).toMatchObject(full(0));
  const files = [18, 18].map((size) => ({ ...FILE, size }));
  expect(await send(`${FILES}/batch`, { files })).toMatchObject(full(0));
  const parts = await send(`${FILES}/multipart`, { ...FILE, size: 36 });
  expect(parts).toMatchObject(full(0));
  const codes = await Promise.all(
    Array.from({ length: 10 }, async () => (await grant({ size: 10 })).code),
  );
  expect(codes.filter((code) => code === undefined)).toHaveLength(3);
  expect(await send(PRESIGN, { ...FILE, size: 6 })).toMatchObject(full(30));
  expect((await send(`${FILES}/multipart`, { ...FILE, size: 5 })).status).toBe(200);
  expect(await send(PRESIGN, { ...FILE, size: 1 })).toMatchObject(full(35));
});

it("a service that does not count says so", async () => {
  const { send } = await startService();
  const { status, body } = await send(USAGE);
  expect([status, body.code]).toEqual([400, "INVALID_REQUEST"]);
  expect(body.detail).toContain("USAGE");
});

it("each threshold is told once, and again after the account fell below it", async () => {
  const { grant, put, confirm, upload, remove, known, thresholds, events } = await start({
    bytes: 20,
  });
  await upload();
  await known();
  await upload();
  await upload();
  expect(thresholds()).toEqual([]);
  const last = await grant();
  await put(last.put_url, last.put_headers);
  const [{ body: file }] = await Promise.all([confirm(last), confirm(last), confirm(last)]);
  await confirm(last);
  const whole = [80, 95, 100].map((percent) => [percent, 20, undefined]);
  expect(thresholds()).toEqual(whole);
  expect(events.at(-1)).toMatchObject({
    slug: "acme",
    data: { organization: "org_1", files: 4, limit: 20 },
  });
  await remove(file);
  expect(thresholds()).toEqual(whole);
  await upload();
  expect(thresholds()).toEqual([...whole, ...whole]);
});

it("a threshold of a person's folder names the person", async () => {
  const { upload, known, thresholds } = await start({ bytesPerSubject: 6 });
  await upload();
  await known();
  expect(thresholds()).toEqual([]);
  await upload({ policy: "own" });
  expect(thresholds()).toEqual([[80, 5, "developer"]]);
});

it("of ten uploads at once as many are open as may be, and a confirm or a removal frees one", async () => {
  const { grant, put, confirm, remove, usageOf } = await start({ openPerSubject: 4 });
  const asked = await Promise.all(Array.from({ length: 10 }, () => grant()));
  const granted = asked.filter(({ receipt }) => receipt !== undefined);
  expect(granted.length).toBe(4);
  const refused = asked.find(({ code }) => code !== undefined);
  expect(refused).toMatchObject({
    status: 429,
    code: "TOO_MANY_OPEN_UPLOADS",
    open: 4,
    limit: 4,
    detail: expect.stringMatching(/^One caller may have 4 uploads open at once, and has 4\./),
  });
  const [first] = granted;
  await put(first.put_url, first.put_headers);
  const { body: file } = await confirm(first);
  expect(await usageOf()).toMatchObject({ open: 3 });
  expect((await grant()).receipt).toBeDefined();
  expect((await grant()).code).toBe("TOO_MANY_OPEN_UPLOADS");
  // A file has no open upload any more.
  await remove(file);
  expect((await grant()).code).toBe("TOO_MANY_OPEN_UPLOADS");
});

it("uploads in parts and batches count among those that are open, and others' do not", async () => {
  const { send, grant } = await start({ openPerSubject: 3, open: 4 });
  const begin = () => send(`${FILES}/multipart`, FILE);
  const batch = (count: number, token?: string) =>
    send(
      `${FILES}/batch`,
      { files: Array.from({ length: count }, () => FILE) },
      token ? as(token) : {},
    );
  const { body: begun } = await begin();
  const tooMany = await batch(4);
  expect([tooMany.status, tooMany.headers.get("retry-after")]).toEqual([429, null]);
  expect(tooMany.body.detail).toBe(
    "One caller may have 3 uploads open at once. Ask for fewer together.",
  );
  expect((await batch(3)).body).toMatchObject({ code: "TOO_MANY_OPEN_UPLOADS", open: 1 });
  expect((await batch(2)).status).toBe(200);
  const refused = await begin();
  // The first two end are those of the batch, and not the one in parts.
  expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(900);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(800);
  expect((await batch(1, SERVICE_TOKEN)).status).toBe(200);
  expect((await batch(1, SERVICE_TOKEN)).body).toMatchObject({ open: 4, limit: 4 });
  await send(`${FILES}/multipart`, { upload: begun.upload }, { method: "DELETE" });
  expect((await grant()).receipt).toBeDefined();
});

it("a refused upload, and the end of its URL, free their places", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const { put, grant, confirm } = await start({ open: 1 });
  const sent = await grant({ filename: "a.txt", content_type: "text/plain", size: 6 });
  await put(sent.put_url, sent.put_headers);
  const { code, status } = await grant();
  expect([status, code]).toEqual([429, "TOO_MANY_OPEN_UPLOADS"]);
  expect((await confirm(sent)).body.code).toMatch(/^UPLOAD_/);
  vi.setSystemTime(Date.now() + 15 * 60_000);
  await until("the end of the URL", async () => (await grant()).receipt !== undefined);
});
