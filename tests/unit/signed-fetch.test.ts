import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished, vi } from "vitest";
import { always } from "../../adapters/storage/credentials/held.ts";
import { signedFetch } from "../../adapters/storage/rest/signed-fetch.ts";
import { AWS4_HMAC_SHA256 } from "../../adapters/storage/signing/algorithms.ts";
import { bucketAddress } from "../../adapters/storage/signing/bucket-address.ts";
import { signWith } from "../../adapters/storage/signing/signer.ts";

const KEYS = { algorithm: AWS4_HMAC_SHA256, accessKey: "a-key", secretKey: "a-secret" };

const ask = (endpoint: string) =>
  signedFetch(
    {
      signer: always(signWith(KEYS)),
      region: "us-east-1",
      address: bucketAddress({
        endpoint: new URL(endpoint),
        bucket: "files",
        pathStyle: true,
        signsPath: false,
      }),
    },
    { method: "GET" },
  );

async function serve(handler: RequestListener): Promise<string> {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it("a signed request follows no redirect, since another server would get the signature", async () => {
  const asked: Array<string | undefined> = [];
  const other = await serve(({ url }, response) => {
    asked.push(url);
    response.end();
  });
  const first = await serve(({ url }, response) =>
    response.writeHead(307, { Location: `${other}${url}` }).end("elsewhere"),
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
  const fiber = Effect.runFork(ask("http://127.0.0.1:9"));
  const signal = await sent.promise;
  expect(signal?.aborted).toBe(false);
  await Effect.runPromise(Fiber.interrupt(fiber));
  expect(signal?.aborted).toBe(true);
  vi.restoreAllMocks();
});
