import * as Effect from "effect/Effect";
import http, { type RequestOptions } from "node:http";
import https from "node:https";
import { neededBy } from "../../values/needed-by.ts";
import { errorCode, isError } from "../../values/thrown.ts";
import { current } from "../credentials/held.ts";
import { configuredSigner } from "../credentials/key-settings.ts";
import { boundedStream } from "../rest/bounded-body.ts";
import { callFailed, type StoreRefusal } from "../rest/refusal-reason.ts";
import { asUnavailable } from "../rest/signed-fetch.ts";
import { s3Layer } from "../s3/layer.ts";
import type { S3Settings } from "../s3/settings.ts";
import { bucketAddresses, withoutSlashes } from "../signing/bucket-address.ts";

export const layer = s3Layer(
  Effect.fnUntraced(function* (settings: S3Settings) {
    const { bucket, region, pathStyle, endpoint } = settings;
    const signer = yield* configuredSigner(settings) ?? Effect.die("a MinIO needs an access key");
    if (endpoint === undefined) return yield* Effect.die("a MinIO needs an endpoint");
    const attempt = <A>(call: (signal: AbortSignal) => Promise<A>) =>
      Effect.tryPromise({
        try: call,
        catch: (cause) => callFailed(settings, cause, refusalIn(cause)),
      });
    // The MinIO client is loaded with the first look at the bucket.
    const makeBucket = Effect.map(attempt(minioPackage), ({ Client }) =>
      Effect.gen(function* () {
        const { accessKey, secretKey, sessionToken } = (yield* current(signer)).keys;
        yield* attempt((signal) => {
          const client = new Client({
            // The client adds the brackets of IPv6 itself.
            endPoint: endpoint.hostname.replace(/^\[|\]$/g, ""),
            port: Number(endpoint.port),
            useSSL: endpoint.protocol === "https:",
            accessKey,
            secretKey,
            ...(sessionToken !== undefined && { sessionToken }),
            region,
            pathStyle,
            transport: transportTo(endpoint, signal),
            retryOptions: { disableRetry: true },
          });
          return client.makeBucket(bucket, region);
        });
      }).pipe(Effect.mapError(asUnavailable)),
    );
    return { signer, addresses: bucketAddresses({ ...settings, endpoint }), makeBucket };
  }),
);

function refusalIn(cause: unknown): StoreRefusal | undefined {
  if (!isError(cause) || cause.name !== "S3Error") return undefined;
  const code = errorCode(cause);
  return { code: code === undefined ? undefined : String(code), message: cause.message };
}

/** Makes a transport that adds a prefix for a proxy to strip, and bounds answers. */
function transportTo({ protocol, pathname }: URL, signal: AbortSignal) {
  const { request } = protocol === "https:" ? https : http;
  const prefix = withoutSlashes(pathname);
  return {
    request: (options: RequestOptions, onResponse: (response: object) => void) =>
      request({ ...options, path: `${prefix}${options.path}`, signal }, (response) => {
        const { statusCode, headers } = response;
        onResponse(Object.assign(boundedStream(response), { statusCode, headers }));
      }),
  } as Pick<typeof http, "request">;
}

async function minioPackage() {
  try {
    return await import("minio");
  } catch (cause) {
    return neededBy("the store minio", "minio")(cause);
  }
}
