import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { Client, ClientOptions } from "minio";
import http, { type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { current } from "../credentials/held.ts";
import { neededBy } from "../../settings/needed-by.ts";
import { PROVIDERS } from "../providers.ts";
import type { BucketAddress } from "../signing/bucket-address.ts";
import { hasBucket, isBucketMissing } from "../rest/bucket-check.ts";
import { callFailed, noBucket, type StoreRefusal } from "../rest/refusal-reason.ts";
import { factsOfHead, failIfUnreadable } from "../rest/rode-along.ts";
import { s3Lifecycle } from "../rest/s3-lifecycle.ts";
import { signedFetch } from "../rest/signed-fetch.ts";
import type { Held, KeySigner } from "../signing/signer.ts";
import type { Pair } from "../signing/v4.ts";
import type { MinioSettings } from "./settings.ts";
import { withoutSlashes } from "../signing/bucket-address.ts";
import { codeOf, isError } from "../../settings/thrown.ts";

/** The calls to the bucket, made by the MinIO client, which is loaded with the first of them. */
export function objectStore(
  settings: MinioSettings,
  address: BucketAddress,
  signer: Held<KeySigner>,
): ObjectStore["Service"] {
  const at = { signer, address, region: settings.region };
  const provider = PROVIDERS[settings.provider];
  const clients = new WeakMap<KeySigner, Client>();
  const clientOf = async (held: KeySigner) => {
    const { Client } = await minioPackage();
    const minio = clients.get(held) ?? new Client(optionsOf(settings, held));
    clients.set(held, minio);
    return minio;
  };
  const call = (make: (minio: Client) => Promise<void>) =>
    current(signer).pipe(
      Effect.flatMap((held) =>
        Effect.tryPromise({
          try: async () => make(await clientOf(held)),
          catch: (cause) => callFailed(settings, cause, refusalIn(cause)),
        }),
      ),
      Effect.mapError(({ reason }) => new StoreUnavailable({ reason })),
    );
  const missing = new StoreUnavailable({ reason: noBucket(settings) });
  return ObjectStore.of({
    ensureBucket: Effect.gen(function* () {
      const { bucket, region, createBucket } = settings;
      // That the client is missing is told before anything else.
      yield* call(async () => undefined);
      if (yield* hasBucket(at, settings)) return;
      if (!createBucket) return yield* missing;
      yield* call((minio) => minio.makeBucket(bucket, region)).pipe(
        // Another process may have made it at the same moment.
        Effect.catch((failure) =>
          Effect.flatMap(hasBucket(at, settings), (isThere) =>
            isThere ? Effect.void : Effect.fail(failure),
          ),
        ),
      );
    }),
    keep: (key) =>
      call((minio) => minio.removeObjectTagging(settings.bucket, key, { versionId: "" })),
    remove: ({ key, version: versionId }) =>
      call((minio) => minio.removeObject(settings.bucket, key, { versionId })),
    lifecycle: s3Lifecycle(at),
    // The client has no way to ask for checksums.
    head: Effect.fnUntraced(function* (key) {
      const headers: ReadonlyArray<Pair> = [["x-amz-checksum-mode", "ENABLED"]];
      const answer = yield* signedFetch(at, { method: "HEAD", key, headers });
      if (answer.status === 404) {
        if (yield* isBucketMissing(at)) return yield* missing;
        return Option.none();
      }
      const object = { bucket: at, key, provider };
      if (answer.status === 400) yield* failIfUnreadable(object);
      const facts = answer.ok ? yield* factsOfHead(object, answer.headers) : undefined;
      if (facts !== undefined) return Option.some(facts);
      return yield* new StoreUnavailable({
        reason:
          answer.status === 403
            ? "the key lacks s3:GetObject or s3:ListBucket; allow both"
            : `the store answered a look at an object with ${answer.status}`,
      });
    }),
  });
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
 * Sends what the client has signed with a prefix that a proxy takes off again, and ends a call
 * that hangs, since the client has no way to break one off.
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

/** The store's answer, by the code of S3's API; undefined where there was none. */
function refusalIn(cause: unknown): StoreRefusal | undefined {
  if (!isError(cause) || cause.name !== "S3Error") return undefined;
  const code = codeOf(cause);
  return {
    status: undefined,
    code: code === undefined ? undefined : String(code),
    message: cause.message,
  };
}

async function minioPackage() {
  try {
    return await import("minio");
  } catch (cause) {
    return neededBy("the store minio", "minio")(cause);
  }
}
