import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { expect, it } from "vitest";
import { ObjectUnreadable } from "../../domain/errors.ts";
import { embeddedStore } from "../support/embedded-store.ts";
import { as, PRESIGN, SERVICE_TOKEN, startService, TOKEN, withStore, FILE } from "./service.ts";

const FILES = "/api/v1/orgs/acme/files";
const NAME = "5007cd59-14b0-4a8f-9bfa-7debee4b183d.png";

/** A service over the embedded store, and the keys that it looks at. */
async function start(over: Parameters<typeof startService>[0] = {}) {
  const { layer } = await embeddedStore().open();
  const looked: Array<string> = [];
  const unreadable = new Set<string>();
  const storage = withStore(layer, (store) => ({
    ...store,
    head: (key) => {
      looked.push(key);
      return unreadable.has(key)
        ? Effect.fail(new ObjectUnreadable({ header: "x" }))
        : store.head(key);
    },
  }));
  const service = await startService({ storage, ...over });
  const upload = async () => {
    const { put_url: url, put_headers: headers, key } = (await service.send(PRESIGN, FILE)).body;
    expect((await fetch(url, { method: "PUT", headers, body: "12345" })).status).toBe(200);
    return { key, at: `${FILES}/${key.replace("orgs/org_1/files/", "")}/state` };
  };
  return { ...service, upload, looked, unreadable };
}

const INCOMING = { policy: { arrival: "incoming", verifyContent: false } } as const;

it("a state is told to everybody who may open the file, is kept by nobody, and costs one look", async () => {
  const { send, upload, looked } = await start();
  const { key, at } = await upload();
  for (const token of [TOKEN, SERVICE_TOKEN]) {
    looked.length = 0;
    const { status, headers, body } = await send(at, undefined, as(token));
    expect([status, body]).toEqual([200, { key, state: "ready" }]);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(looked).toEqual([key]);
  }
});

it("where a policy lets uploads wait a state costs two looks, at the upload and then at the file", async () => {
  const { send, upload, looked } = await start(INCOMING);
  const { key, at } = await upload();
  const { body } = await send(at);
  expect(body).toEqual({ key, state: "waiting", retry_after: 5 });
  expect(looked).toEqual([`incoming/${key}`, key]);
});

it("a file is missing, waits once it was sent, is ready once it was confirmed, and missing once it was removed", async () => {
  const { send } = await start(INCOMING);
  const { put_url: url, put_headers: headers, key, receipt } = (await send(PRESIGN, FILE)).body;
  const at = `${FILES}/${key.replace("orgs/org_1/files/", "")}/state`;
  const put = () => fetch(url, { method: "PUT", headers, body: "12345" });
  expect((await send(at)).body).toEqual({ key, state: "missing", retry_after: 5 });
  await put();
  expect((await send(at)).body).toEqual({ key, state: "waiting", retry_after: 5 });
  await send(`${FILES}/confirm`, { receipt });
  expect((await send(at)).body).toEqual({ key, state: "ready" });
  // An upload that waits beside a file says nothing about it.
  await put();
  expect((await send(at)).body).toEqual({ key, state: "ready" });
  await send(at.replace(/\/state$/, ""), undefined, { method: "DELETE" });
  expect((await send(at)).body).toEqual({ key, state: "missing", retry_after: 5 });
});

it("a file that was made while its state was looked at is not missing", async () => {
  const { layer } = await embeddedStore().open();
  let looks = 0;
  // The upload is gone once it was looked at, and the file is there.
  const storage = withStore(layer, (store) => ({
    ...store,
    head: () => Effect.sync(() => ((looks += 1) > 1 ? Option.some(FACTS) : Option.none())),
  }));
  const service = await start({ ...INCOMING, storage });
  expect((await service.send(`${FILES}/2026/11/${NAME}/state`)).body.state).toBe("ready");
});

const FACTS = { size: 5, contentType: "image/png", etag: '"a"', checksums: {}, extraHeaders: {} };

it("an object that nobody can read is no file, and does not hide the file beside it", async () => {
  const { send, upload, unreadable } = await start();
  const { key, at } = await upload();
  unreadable.add(`incoming/${key}`);
  expect((await send(at)).body.state).toBe("ready");
  unreadable.add(key);
  expect((await send(at)).body.state).toBe("missing");
  const incoming = await start(INCOMING);
  const other = await incoming.upload();
  incoming.unreadable.add(`incoming/${other.key}`);
  expect((await incoming.send(other.at)).body.state).toBe("missing");
});

it("no client is told to wait for a file whose upload can no longer be confirmed", async () => {
  const { send } = await start();
  const { body } = await send(`${FILES}/2020/01/${NAME}/state`);
  expect(body).toEqual({ key: `orgs/org_1/files/2020/01/${NAME}`, state: "missing" });
});

it.each([
  `/api/v1/orgs/globex/files/2026/11/${NAME}/state`,
  `${FILES}/2026/13/${NAME}/state`,
  `${FILES}/2026/11/${NAME.toUpperCase()}/state`,
  `${FILES}/2026/11/..%2F..%2F..%2F..%2Fglobex%2Ffiles%2F2026%2F11%2F${NAME}/state`,
  `${FILES}/files/2026/11/${NAME}/state`,
  `${FILES}/${"a/".repeat(8000)}${NAME}/state`,
])(
  "%.100s is answered as every file that is not there for the caller, and no store is asked",
  async (path) => {
    const { send, looked } = await start(INCOMING);
    const unknown = await send(`/api/v1/orgs/globex/files/2026/11/${NAME}`);
    const { status, body } = await send(path);
    expect([status, body]).toEqual([404, unknown.body]);
    expect(looked).toEqual([]);
  },
);

it("a state is neither changed nor removed, and a removal at its address removes no file", async () => {
  const { send, upload } = await start();
  const { at } = await upload();
  const remove = (path: string) => send(path, undefined, { method: "DELETE" });
  const answer = await remove(at);
  expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET"]);
  expect((await remove(`${FILES}/avatars/${NAME}/state`)).status).toBe(404);
  expect((await send(at)).body.state).toBe("ready");
});

it("an unknown state is no state: while the store is down the answer is 503 with a time", async () => {
  const { send } = await startService();
  const { status, headers, body } = await send(`${FILES}/2026/11/${NAME}/state`);
  expect([status, body.code]).toEqual([503, "STORE_UNAVAILABLE"]);
  expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
});
