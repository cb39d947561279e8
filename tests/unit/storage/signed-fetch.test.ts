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
