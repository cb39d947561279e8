import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { afterEach, expect, it } from "vitest";
import { CONTENT, putRequest } from "../../adapters/storage/contract/uploads.ts";
import { send } from "../../adapters/storage/contract/send.ts";
import { layer as minio } from "../../adapters/storage/minio/layer.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { need } from "../support/need.ts";

const server = await need("minio");
const PREFIX = "/a/store";

const closing: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A reverse proxy that strips a prefix of the path and forwards the rest, `Host` included. */
async function startProxy(target: URL): Promise<URL> {
  const proxy = createServer((incoming, response) => {
    const { method, url = "", rawHeaders } = incoming;
    const forward = async () => {
      if (!url.startsWith(`${PREFIX}/`)) return response.writeHead(404).end();
      const { hostname, port } = target;
      const path = url.slice(PREFIX.length);
      const onward = httpRequest({ method, hostname, port, path, headers: rawHeaders });
      const [[answer]] = await Promise.all([once(onward, "response"), pipeline(incoming, onward)]);
      response.writeHead(answer.statusCode, answer.rawHeaders);
      return pipeline(answer, response);
    };
    forward().catch(() => response.destroy());
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  closing.push(async () => proxy.close());
  return new URL(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}${PREFIX}/`);
}

it.skipIf(server === undefined)(
  "uploads and calls to the bucket work through a proxy that strips a path prefix",
  async () => {
    const { endpoint = "", accessKey = "", secretKey = "" } = server ?? {};
    const layer = minio({
      provider: "minio",
      bucket: `prefix-${crypto.randomUUID()}`,
      createBucket: true,
      region: "us-east-1",
      endpoint: await startProxy(new URL(endpoint)),
      accessKey,
      secretKey: Redacted.make(secretKey),
      pathStyle: true,
    });
    const put = await Effect.runPromise(
      Effect.gen(function* () {
        yield* (yield* ObjectStore).ensureBucket;
        return yield* (yield* Presigner).put(putRequest());
      }).pipe(Effect.provide(layer)),
    );
    expect(new URL(put.url).pathname).toMatch(/^\/a\/store\/prefix-.*\.png$/);
    const { status, body } = await send("PUT", put.url, { headers: put.headers, body: CONTENT });
    expect(status, body.toString()).toBe(200);
  },
);
