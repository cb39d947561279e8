import * as Effect from "effect/Effect";
import * as Duration from "effect/Duration";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { expect, it } from "vitest";
import type { Send } from "../../../application/files/copy-bytes.ts";
import { type MovedObject, moveFiles } from "../../../application/files/move-files.ts";
import type { ListedObject } from "../../../application/ports/object-store.ts";
import { portsIn, type StorePorts } from "../../../application/store/both-stores.ts";
import type { ByteSize } from "../../../domain/byte-size.ts";
import { prefixesOfCredentials } from "../../../domain/credentials-grant.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { Lifetime } from "../../../domain/lifetime.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { OrganizationId } from "../../../domain/organization.ts";
import {
  type IncomingKey,
  incomingKey,
  removedKey,
  StorageKey,
} from "../../../domain/storage-key.ts";
import { embedded } from "../../http/service.ts";

const organization = OrganizationId.make("org_1");
const keyOf = (at: number) =>
  StorageKey.make(`orgs/org_1/files/2026/11/00000000-0000-4000-8000-00000000000${at}.txt`);
const KEY = keyOf(0);
const HOUR = 60 * 60 * 1000;

type Side = Awaited<ReturnType<typeof open>>;

/** An embedded store, to which files are sent without a socket. */
async function open() {
  const { layer, fetch } = embedded();
  const context = await Effect.runPromise(Effect.scoped(Layer.build(layer)));
  const ports = portsIn(context);
  const send: Send = ({ url, headers }, bytes) =>
    Effect.promise(async () => {
      const length = { "Content-Length": String(bytes.length) };
      const body = bytes as Uint8Array<ArrayBuffer>;
      const init = { method: "PUT", headers: { ...headers, ...length }, body };
      expect((await fetch(new Request(url, init))).status).toBe(200);
    });
  const put = async (key: StorageKey, body: Uint8Array | string) => {
    const bytes = Buffer.from(body);
    const lifetime = Lifetime.make(Duration.hours(1));
    const about = { lifetime, minLifetime: lifetime, audience: "internal" } as const;
    const bound = { contentType: MediaType.make("text/plain"), writeOnce: false, strict: false };
    const size = bytes.length as ByteSize;
    const request = { ...about, ...bound, key, size, checksum: undefined };
    const sending = Effect.flatMap(ports.presigner.put(request), (put) => send(put, bytes));
    await Effect.runPromise(sending);
  };
  const sizeOf = async (key: StorageKey) =>
    Option.getOrUndefined(await Effect.runPromise(ports.store.head(key)))?.size;
  return { ...ports, send, put, sizeOf };
}

/** Moves from one store to the other, with some of what a move uses replaced. */
async function move(
  { from, to }: { readonly from: Side; readonly to: Side },
  over: Partial<Parameters<typeof moveFiles>[0]> = {},
) {
  const moved: Array<MovedObject> = [];
  const report = (object: MovedObject) => void moved.push(object);
  const request = { organization, from, to, send: to.send, report, ...over };
  const { waiting } = await Effect.runPromise(moveFiles(request));
  return { waiting, moved, outcomes: moved.map(({ outcome }) => outcome) };
}

const pair = async () => ({ from: await open(), to: await open() });

/** A store that lists objects like this, so many at a time. */
const listing = (
  side: StorePorts,
  like: Partial<ListedObject>,
  limit?: number,
): Pick<StorePorts, "presigner" | "store"> => {
  const { list } = side.store;
  if (list === undefined) return side;
  const objects: typeof list.objects = (below) =>
    Effect.map(list.objects({ ...below, limit: limit ?? below.limit }), (page) => ({
      ...page,
      found: page.found.map((each) => ({ ...each, ...like })),
    }));
  return { presigner: side.presigner, store: { ...side.store, list: { ...list, objects } } };
};

const unavailable = (facts: Omit<ConstructorParameters<typeof StoreUnavailable>[0], "reason">) =>
  Effect.fail(new StoreUnavailable({ reason: "as the test says", ...facts }));

it("a file that changes while it is copied is looked at again", async () => {
  const stores = await pair();
  await stores.from.put(KEY, "hello");
  const { presigner, store } = stores.from;
  let looks = 0;
  const head: typeof store.head = (key) =>
    Effect.map(
      store.head(key),
      Option.map((facts) => ({ ...facts, etag: ++looks === 2 ? '"another"' : facts.etag })),
    );
  const { outcomes } = await move(stores, { from: { presigner, store: { ...store, head } } });
  expect([outcomes, looks]).toEqual([["there"], 4]);
});

it.each(["from", "to"] as const)(
  "a file whose removal only the store %s has marked does not come back",
  async (name) => {
    const stores = await pair();
    await stores.to.put(KEY, "hello");
    const { copies } = stores[name].store;
    await Effect.runPromise(copies?.writeEmpty(removedKey(KEY)) ?? expect.unreachable());
    await move(stores);
    expect(await stores.to.sizeOf(KEY)).toBeUndefined();
  },
);

it("uploads that wait are told, and those of credentials too", async () => {
  const stores = await pair();
  const [credentials = ""] = prefixesOfCredentials(organization);
  for (const key of [incomingKey(KEY), `${credentials}a.txt` as IncomingKey]) {
    const { copies } = stores.from.store;
    await Effect.runPromise(copies?.writeEmpty(key) ?? expect.unreachable());
  }
  expect(await move(stores)).toMatchObject({ waiting: 2, moved: [] });
});

it("a file that was sent again after its copy was made is copied again", async () => {
  const stores = await pair();
  await stores.from.put(KEY, "hello");
  await stores.to.put(KEY, "jello");
  const from = listing(stores.from, { age: HOUR });
  const to = listing(stores.to, { age: 3 * HOUR });
  expect((await move(stores, { from, to })).outcomes).toEqual(["copied"]);
});

const unexpected = () => Effect.die("it is looked at");

it("copies that lists show are not looked at, however the pages of both are cut", async () => {
  const stores = await pair();
  for (let at = 0; at < 6; at += 1) {
    for (const side of [stores.from, stores.to]) await side.put(keyOf(at), "hello");
  }
  const from = listing(stores.from, { age: 3 * HOUR }, 2);
  const to = listing(stores.to, { age: HOUR, etag: "of another store" }, 5);
  const looked = { ...from, store: { ...from.store, head: unexpected } };
  const { outcomes } = await move(stores, { from: looked, to });
  expect(outcomes).toEqual(Array(6).fill("there"));
});

it.each([
  [{ kind: "refused" }, "copied", 1],
  [{ kind: "unreachable" }, "failed", 0],
  [{ kind: "refused", isTemporary: true }, "failed", 0],
] as const)(
  "a copy by the store itself that fails with %o is %s, sent %i times",
  async (facts, outcome, times) => {
    const stores = await pair();
    await stores.from.put(KEY, "hello");
    let sent = 0;
    const send: Send = (...asked) => (sent++, stores.to.send(...asked));
    const { outcomes } = await move(stores, { copy: () => unavailable(facts), send });
    expect([outcomes, sent]).toEqual([[outcome], times]);
  },
);

it("a copy whose type the new store has not kept is none", async () => {
  const stores = await pair();
  await stores.from.put(KEY, "hello");
  const { presigner, store } = stores.to;
  const head: typeof store.head = (key) =>
    Effect.map(
      store.head(key),
      Option.map((facts) => ({ ...facts, contentType: "application/octet-stream" })),
    );
  const { moved } = await move(stores, { to: { presigner, store: { ...store, head } } });
  expect(moved).toMatchObject([
    { outcome: "failed", reason: expect.stringContaining("has not kept") },
  ]);
});

it("a copy in parts that fails leaves no parts behind", async () => {
  const stores = await pair();
  await stores.from.put(KEY, new Uint8Array(16 * 2 ** 20 + 1));
  let sent = 0;
  const send: Send = (...asked) =>
    ++sent === 2 ? unavailable({ kind: "refused" }) : stores.to.send(...asked);
  expect((await move(stores, { send })).outcomes).toEqual(["failed"]);
  const { parts } = stores.to.store;
  const open = await Effect.runPromise(parts?.listOpen({ prefix: KEY }) ?? expect.unreachable());
  expect(open.found).toEqual([]);
});

it("a piece that was not answered is sent again", async () => {
  const stores = await pair();
  await stores.from.put(KEY, "hello");
  let sent = 0;
  const send: Send = (...asked) =>
    ++sent === 1 ? unavailable({ kind: "unreachable" }) : stores.to.send(...asked);
  expect([(await move(stores, { send })).outcomes, sent]).toEqual([["copied"], 2]);
});
