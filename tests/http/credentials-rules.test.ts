import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { TestClock } from "effect/testing";
import { expect, it } from "vitest";
import { makeMeter } from "../../adapters/telemetry/meter.ts";
import { watchStore } from "../../adapters/telemetry/store.ts";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import { guardStore } from "../../application/store/guarded-store.ts";
import type { IncomingKey } from "../../domain/storage-key.ts";
import { MediaType } from "../../domain/media-type.ts";
import { AllowedType } from "../../domain/upload-policy.ts";
import { until } from "../support/until.ts";
import { s3Store } from "../support/s3-store.ts";
import { as, SERVICE_TOKEN, startService, withStore } from "./service.ts";
import { CREDENTIALS, startWithCredentials, TOOLS } from "./with-credentials.ts";

type Store = ObjectStore["Service"];

const paths = (all: ReadonlyArray<{ readonly path: string }>) => all.map(({ path }) => path);
const codes = (refused: ReadonlyArray<{ readonly path: string; readonly code: string }>) =>
  refused.map(({ path, code }) => [path, code]);

/** Changes what a list says. */
const listing = (
  store: Store,
  change: (list: NonNullable<Store["list"]>["objects"]) => NonNullable<Store["list"]>["objects"],
): Store => ({ ...store, ...(store.list && { list: { objects: change(store.list.objects) } }) });

/** Pages of two, as stores may choose. */
const byTwo = (store: Store) =>
  listing(store, (objects) => (below) => objects({ ...below, limit: Math.min(below.limit, 2) }));

it("files of exactly the granted bytes are all files, on several pages", async () => {
  const { grant, put, completeAll } = await startWithCredentials({}, byTwo);
  const { prefix, grant: token } = await grant({ max_bytes: 25 });
  for (const name of ["a", "b", "c", "d", "e", "f"]) await put(`${prefix}${name}.txt`);
  const { files, refused } = await completeAll(token);
  expect(paths(files)).toEqual(["a.txt", "b.txt", "c.txt", "d.txt", "e.txt"]);
  expect(codes(refused)).toEqual([["f.txt", "OBJECT_REFUSED"]]);
});

it("what came in the second in which completing began is in time", async () => {
  const { grant, put, completeAll } = await startWithCredentials({}, (store) =>
    listing(
      store,
      (objects) => (below) =>
        Effect.map(objects(below), (page) => ({
          ...page,
          found: page.found.map((each) => ({ ...each, storedAt: 1_900_000_000_000 })),
        })),
    ),
  );
  const { prefix, grant: token } = await grant();
  await put(`${prefix}a.txt`);
  expect(paths((await completeAll(token)).files)).toEqual(["a.txt"]);
});

it("objects of no bytes are folders by their names, or are refused", async () => {
  const { grant, put, complete, objects } = await startWithCredentials();
  const { prefix, grant: token } = await grant();
  for (const name of ["", "a/", "a/b.txt"]) {
    const key = `${prefix}${name}` as IncomingKey;
    await Effect.runPromise(objects.copies?.writeEmpty(key) ?? Effect.die("no copies"));
  }
  await put(`${prefix}c/`);
  const { body } = await complete(token);
  expect(body.files).toEqual([]);
  expect(body.refused).toMatchObject([
    { path: "a/b.txt", code: "OBJECT_REFUSED" },
    { path: "c/", code: "OBJECT_REFUSED" },
  ]);
});

it("a file without an extension has the type that its tool declared, and others that of the policy", async () => {
  const allowedTypes = ["text/plain", "application/json", "application/xml"].map((type) =>
    AllowedType.make(type),
  );
  const { grant, put, completeAll } = await startWithCredentials({
    policies: { tools: { ...TOOLS, allowedTypes } },
  });
  const { prefix, grant: token } = await grant();
  await put(`${prefix}a`, "12345", "application/json");
  await put(`${prefix}b`, "12345", "application/x-other");
  await put(`${prefix}c.xml`, "12345", "application/xml");
  const { files, refused } = await completeAll(token);
  expect(files).toMatchObject([
    { path: "a", content_type: "application/json" },
    { path: "c.xml", content_type: "application/xml" },
  ]);
  expect(codes(refused)).toEqual([["b", "UNSUPPORTED_MEDIA_TYPE"]]);
});

it("a service completes what it was granted by a policy for services", async () => {
  const { send, put } = await startWithCredentials({
    policies: { tools: { ...TOOLS, callers: ["service"] } },
  });
  const service = as(SERVICE_TOKEN);
  expect((await send(CREDENTIALS, { policy: "tools" })).body.code).toBe("FORBIDDEN");
  const { prefix, grant } = (await send(CREDENTIALS, { policy: "tools" }, service)).body;
  await put(`${prefix}a.txt`);
  const { body } = await send(`${CREDENTIALS}/complete`, { grant }, service);
  expect(paths(body.files)).toEqual(["a.txt"]);
});

it("what is not as its name says stays until the end, whatever the policy does with such uploads", async () => {
  const { grant, put, complete, listed } = await startWithCredentials({
    policies: { tools: { ...TOOLS, verifyContent: true, onMismatch: "delete" } },
  });
  const { prefix, grant: token } = await grant();
  await put(`${prefix}a.png`, "no picture", "image/png");
  const [first, again] = [await complete(token), await complete(token)];
  expect(codes(first.body.refused)).toEqual([["a.png", "UPLOAD_MISMATCH"]]);
  expect(again.body.refused).toEqual(first.body.refused);
  expect(await listed(prefix)).toEqual(["a.png"]);
});

it("a file that is waited for takes no bytes from those before it, and none is skipped or repeated", async () => {
  let isScanned = false;
  const { grant, put, complete, completeAll } = await startWithCredentials(
    { policies: { tools: { ...TOOLS, writeOnce: true, scan: "tags" } } },
    (store) => ({
      ...byTwo(store),
      scanTag: ({ key }) =>
        Effect.succeed(isScanned || !key.endsWith(".png") ? "NO_THREATS_FOUND" : undefined),
    }),
  );
  const { prefix, grant: token } = await grant({ max_bytes: 20 });
  for (const name of ["a.txt", "b.txt", "c.txt"]) await put(`${prefix}${name}`);
  await put(`${prefix}d.png`, "12345", "image/png");
  await put(`${prefix}e.txt`);
  const first = (await complete(token)).body;
  const second = (await complete(first.next)).body;
  expect([paths(first.files), first.retry_after]).toEqual([["a.txt", "b.txt"], undefined]);
  expect([paths(second.files), second.retry_after]).toEqual([["c.txt"], 5]);
  isScanned = true;
  const { files, refused } = await completeAll(second.next);
  expect(paths(files)).toEqual(["d.png"]);
  expect(codes(refused)).toEqual([["e.txt", "OBJECT_REFUSED"]]);
});

it("an answer that takes long ends before its page does, and is gone on with at once", async () => {
  const clock = await Effect.runPromise(Effect.scoped(TestClock.make()));
  await Effect.runPromise(clock.setTime(Date.now()));
  const { grant, put, complete } = await startWithCredentials(
    {},
    ({ copies, ...store }) => ({
      ...store,
      ...(copies && {
        copies: {
          ...copies,
          copy: (asked) => Effect.andThen(clock.adjust("300 millis"), copies.copy(asked)),
        },
      }),
    }),
    undefined,
    Layer.succeed(Clock.Clock, clock),
  );
  const { prefix, grant: token } = await grant();
  const names = Array.from({ length: 40 }, (_, at) => `${at + 10}.txt`);
  for (const name of names) await put(`${prefix}${name}`);
  const first = (await complete(token)).body;
  expect(first.files.length).toBeGreaterThan(0);
  expect(first.files.length).toBeLessThan(40);
  expect(first).not.toHaveProperty("retry_after");
  const files = [...first.files];
  for (let { next } = first; next !== undefined;) {
    const { body } = await complete(next);
    files.push(...body.files);
    ({ next } = body);
  }
  expect(paths(files)).toEqual(names);
});

it("a name that is too long for a file is refused, whatever its path", async () => {
  const { grant, put, complete } = await startWithCredentials({}, (store) =>
    // Few file systems take such a name.
    listing(
      store,
      (objects) => (below) =>
        Effect.map(objects(below), (page) => ({
          ...page,
          found: page.found.map((each) => ({
            ...each,
            key: each.key.replace("LONG", "y".repeat(252)),
          })),
        })),
    ),
  );
  const { prefix, grant: token } = await grant();
  await put(`${prefix}b/LONG.txt`);
  await put(`${prefix}a.txt`);
  const { body } = await complete(token);
  expect(paths(body.files)).toEqual(["a.txt"]);
  expect(codes(body.refused)).toEqual([[`b/${"y".repeat(252)}.txt`, "OBJECT_REFUSED"]]);
});

it("a tool gets the address for clients, and one of a service that from inside", async () => {
  const { grant, send, asked } = await startWithCredentials();
  await grant();
  await send(CREDENTIALS, { policy: "tools" }, as(SERVICE_TOKEN));
  expect(asked.map(({ audience }) => audience)).toEqual(["public", "internal"]);
});

it("bytes that cannot be reserved are not counted for the day", async () => {
  const { grant, send } = await startWithCredentials({
    usage: { bytes: 500 },
    limits: { requests: {}, daily: { bytes: 1000 } },
  });
  await grant({ max_bytes: 1 });
  const usage = CREDENTIALS.replace("credentials", "usage");
  await until("the count", async () => (await send(usage)).body.known);
  expect((await grant({ max_bytes: 900 })).code).toBe("STORAGE_FULL");
  expect(await grant({ max_bytes: 400 })).toHaveProperty("grant");
});

it("a store that does not answer is told and spared as at its other calls, and nothing stays counted", async () => {
  const meter = makeMeter();
  const certificate = { abilities: new Set(["scoped credentials" as const]) };
  const store = s3Store("http://127.0.0.1:2", { certificate });
  let guarded: Store | undefined;
  const { send } = await startService({
    policies: { tools: TOOLS },
    limits: { requests: {}, daily: { bytes: 2 ** 30 } },
    usage: { bytes: 2 ** 30, open: 1 },
    storage: withStore(store, (own) => (guarded = guardStore(watchStore(meter, own)))),
  });
  for (let times = 0; times < 6; times += 1) {
    const { status, body } = await send(CREDENTIALS, { policy: "tools" });
    expect([status, body.code]).toEqual([503, "STORE_UNAVAILABLE"]);
  }
  expect(guarded?.isPaused?.()).toBe(true);
  expect(meter.format()).toContain(
    'valetkey_store_calls_total{call="credentials",outcome="unreachable"}',
  );
});

it("the end aborts what was begun in parts", async () => {
  const { grant, objects, completeAll } = await startWithCredentials();
  const { prefix, grant: token } = await grant();
  const { parts } = objects;
  if (parts === undefined) throw new Error("the store has no parts");
  const contentType = MediaType.make("text/plain");
  const key = `${prefix}a.txt` as IncomingKey;
  await Effect.runPromise(parts.create({ key, contentType } as Parameters<typeof parts.create>[0]));
  const open = async () => (await Effect.runPromise(parts.listOpen({ prefix }))).found;
  expect(await open()).toHaveLength(1);
  await completeAll(token);
  expect(await open()).toEqual([]);
});

it("files have the month in which they were granted, whenever they are completed", async () => {
  const clock = await Effect.runPromise(Effect.scoped(TestClock.make()));
  const at = Date.now() + 45 * 86_400_000;
  await Effect.runPromise(clock.setTime(at));
  const others = Layer.succeed(Clock.Clock, clock);
  const started = await startWithCredentials({}, undefined, undefined, others);
  const { prefix, grant: token } = await started.grant();
  await started.put(`${prefix}a.txt`);
  const [file] = (await started.completeAll(token)).files;
  const month = new Date(at).toISOString().slice(0, 7).replace("-", "/");
  expect(file?.["key"]).toContain(`/${month}/`);
});
