import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import { expect, it, vi } from "vitest";
import { signedFetch } from "../../../adapters/storage/rest/signed-fetch.ts";
import { s3Bucket } from "../../support/s3-store.ts";
import { serve } from "../../support/serve.ts";

const ask = (endpoint: URL) => signedFetch(s3Bucket(endpoint), { method: "GET" });

it("a signed request follows no redirect, since another server would get the signature", async () => {
  const asked: Array<string | undefined> = [];
  const other = await serve(({ url }, response) => {
    asked.push(url);
    response.end();
  });
  const first = await serve(({ url }, response) =>
    response.writeHead(307, { Location: `${other.origin}${url}` }).end("elsewhere"),
  );
  const { status, ok, text } = await Effect.runPromise(ask(first));
  expect([status, ok, text]).toEqual([307, false, "elsewhere"]);
  expect(asked).toEqual([]);
});

it("a signed request that nobody waits for any more is aborted", async () => {
  const sent = Promise.withResolvers<AbortSignal | null | undefined>();
  vi.spyOn(globalThis, "fetch").mockImplementationOnce((_, init) => {
    sent.resolve(init?.signal);
    return new Promise(() => undefined);
  });
  const fiber = Effect.runFork(ask(new URL("http://127.0.0.1:9")));
  const signal = await sent.promise;
  expect(signal?.aborted).toBe(false);
  await Effect.runPromise(Fiber.interrupt(fiber));
  expect(signal?.aborted).toBe(true);
  vi.restoreAllMocks();
});

const look = (endpoint: URL) =>
  Effect.runPromise(signedFetch(s3Bucket(endpoint), { method: "HEAD" }));

it("a look at a store is repeated if the store has just closed the connection", async () => {
  let looks = 0;
  const store = await serve((request, response) => {
    looks += 1;
    if (looks === 2) request.socket.resetAndDestroy();
    else response.setHeader("content-length", 1).end();
  });
  await look(store);
  expect(await look(store)).toMatchObject({ status: 200 });
  expect(looks).toBe(3);
});

it("a look at a store fails if the store closes a new connection", async () => {
  const store = await serve(({ socket }) => void socket.resetAndDestroy());
  await expect(look(store)).rejects.toMatchObject({ kind: "unreachable" });
});

it.each([
  ["a class of its own", "ProxyAgent", { connect: undefined }],
  ["options", "Agent", { connect: { ca: "" } }],
])(
  "an application's dispatcher of fetch, told by %s, gets the looks too",
  async (_, name, options) => {
    const sent = vi.spyOn(globalThis, "fetch").mockResolvedValue(new Response(null));
    const key = Symbol.for("undici.globalDispatcher.2");
    const held = globalThis as { [key: symbol]: unknown };
    const before = held[key];
    const prototype = { constructor: { name, prototype: {} } };
    held[key] = Object.assign(Object.create(prototype), { [Symbol("options")]: options });
    try {
      await look(new URL("http://127.0.0.1:9"));
      expect(sent).toHaveBeenCalledOnce();
    } finally {
      held[key] = before;
      vi.restoreAllMocks();
    }
  },
);
