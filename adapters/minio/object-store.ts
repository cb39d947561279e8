import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { ObjectStore, StoreUnavailable } from "../../application/ports/object-store.ts";
import type { MinioSettings } from "./settings.ts";

/** The calls to the bucket, made by the MinIO client, which is loaded with the first of them. */
export function objectStore(settings: MinioSettings): ObjectStore["Service"] {
  let client: ReturnType<typeof makeClient> | undefined;
  // The client has no way to break off a call, so one that hangs is joined and not repeated.
  let pending: Promise<void> | undefined;
  const ensure = async () => {
    client ??= makeClient(settings);
    const { bucket, region, createBucket } = settings;
    const minio = await client;
    if (await minio.bucketExists(bucket)) return;
    if (!createBucket) throw new Error(`there is no bucket ${bucket}; ${HOW_TO_CREATE}`);
    await minio.makeBucket(bucket, region);
  };
  return ObjectStore.of({
    ensureBucket: Effect.tryPromise({
      try: () => (pending ??= ensure().finally(() => (pending = undefined))),
      catch: (cause) => new StoreUnavailable({ reason: reasonOf(cause) }),
    }),
  });
}

const HOW_TO_CREATE = "make it, or set STORAGE_CREATE_BUCKET=on";

async function makeClient({
  endpoint,
  accessKey,
  secretKey,
  sessionToken,
  ...rest
}: MinioSettings) {
  const { Client } = await import("minio");
  return new Client({
    endPoint: endpoint.hostname,
    useSSL: endpoint.protocol === "https:",
    accessKey,
    secretKey: Redacted.value(secretKey),
    region: rest.region,
    pathStyle: rest.pathStyle,
    ...(endpoint.port === "" ? {} : { port: Number(endpoint.port) }),
    ...(sessionToken === undefined ? {} : { sessionToken: Redacted.value(sessionToken) }),
  });
}

/** Some failures of the client carry a code and no message. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const code = "code" in cause ? String(cause.code) : cause.name;
  return cause.message === "" ? code : cause.message;
}
