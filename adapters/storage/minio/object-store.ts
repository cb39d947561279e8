import * as Effect from "effect/Effect";
import type { Client, ClientOptions } from "minio";
import http, { type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import type { ObjectStore } from "../../../application/ports/object-store.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { neededBy } from "../../settings/needed-by.ts";
import { codeOf, isError } from "../../thrown.ts";
import { current } from "../credentials/held.ts";
import type { BucketWriteOnce } from "../rest/bucket-write-once.ts";
import { callFailed, type StoreRefusal } from "../rest/refusal-reason.ts";
import { s3ObjectStore } from "../rest/s3-object-store.ts";
import type { Bucket as At } from "../rest/signed-fetch.ts";
import { withoutSlashes } from "../signing/bucket-address.ts";
import type { KeySigner } from "../signing/signer.ts";
import type { MinioSettings } from "./settings.ts";

/** The calls to the bucket. The MinIO client is loaded with the first one that it makes. */
export function objectStore(
  settings: MinioSettings,
  { at, once }: { readonly at: At<KeySigner>; readonly once: BucketWriteOnce },
): ObjectStore["Service"] {
  const { bucket, region } = settings;
  const { signer } = at;
  const call = (make: (minio: Client) => Promise<void>) =>
    current(signer).pipe(
      Effect.flatMap((held) =>
        Effect.tryPromise({
          try: async () => {
            const { Client } = await minioPackage();
            await make(new Client(optionsOf(settings, held)));
          },
          catch: (cause) => callFailed(settings, cause, refusalOf(cause)),
        }),
      ),
      Effect.mapError(({ reason }) => new StoreUnavailable({ reason })),
    );
  const store = s3ObjectStore(
    settings,
    { at, once },
    {
      makeBucket: call((minio) => minio.makeBucket(bucket, region)),
      keep: ({ key, version: versionId = "" }) =>
        call((minio) => minio.removeObjectTagging(bucket, key, { versionId })),
      remove: ({ key, version: versionId }) =>
        call((minio) => minio.removeObject(bucket, key, { versionId })),
    },
  );
  // A missing client is reported before anything else.
  const client = call(async () => undefined);
  return { ...store, ensureBucket: Effect.andThen(client, store.ensureBucket) };
}

function optionsOf(
  { endpoint, region, pathStyle }: MinioSettings,
  { keys: { accessKey, secretKey, sessionToken } }: KeySigner,
): ClientOptions {
  return {
    // The client writes the brackets of IPv6 itself.
    endPoint: endpoint.hostname.replace(/^\[|\]$/g, ""),
    useSSL: endpoint.protocol === "https:",
    accessKey,
    secretKey,
    region,
    pathStyle,
    transport: transportTo(endpoint),
    ...(endpoint.port === "" ? {} : { port: Number(endpoint.port) }),
    ...(sessionToken === undefined ? {} : { sessionToken }),
  };
}

/**
 * Sends what the client has signed with a prefix that a proxy strips, and ends a call that hangs,
 * since the client cannot abort one.
 */
function transportTo({ protocol, pathname }: URL): Pick<typeof http, "request"> {
  const { request } = protocol === "https:" ? https : http;
  const prefix = withoutSlashes(pathname);
  return {
    request: (options: RequestOptions, onResponse: (response: IncomingMessage) => void) => {
      const sent = request({ ...options, path: `${prefix}${options.path}` }, onResponse);
      return sent.setTimeout(SOCKET_TIMEOUT, () =>
        sent.destroy(new Error("the store does not answer")),
      );
    },
  } as Pick<typeof http, "request">;
}

/** Milliseconds of silence. */
const SOCKET_TIMEOUT = 5000;

/** The store's answer to a failed call; undefined if there was none. */
function refusalOf(cause: unknown): StoreRefusal | undefined {
  if (!isError(cause) || cause.name !== "S3Error") return undefined;
  const code = codeOf(cause);
  return { code: code === undefined ? undefined : String(code), message: cause.message };
}

async function minioPackage() {
  try {
    return await import("minio");
  } catch (cause) {
    return neededBy("the store minio", "minio")(cause);
  }
}
