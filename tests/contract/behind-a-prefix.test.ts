import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { pipeline } from "node:stream/promises";
import { expect, it } from "vitest";
import { CONTENT, putRequest } from "../../adapters/contract/sending/uploads.ts";
import { send } from "../../adapters/contract/sending/send.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { need } from "../support/need.ts";
import { serve } from "../support/serve.ts";
import { s3Store } from "../support/s3-store.ts";

const server = await need("minio");
const PREFIX = "/a/store";

/** A reverse proxy that strips a prefix of the path and forwards the rest, `Host` included. */
async function startProxy(target: URL): Promise<URL> {
  const { origin } = await serve((incoming, response) => {
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
  });
  return new URL(`${origin}${PREFIX}/`);
}

it.skipIf(server === undefined)(
  "uploads and calls to the bucket work through a proxy that strips a path prefix",
  async () => {
    const { endpoint = "", accessKey = "", secretKey = "" } = server ?? {};
    const layer = s3Store(await startProxy(new URL(endpoint)), {
      bucket: `prefix-${crypto.randomUUID()}`,
      createBucket: true,
      accessKey,
      secretKey: Redacted.make(secretKey),
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
