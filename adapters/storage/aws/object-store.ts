import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  type S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import * as Effect from "effect/Effect";
import type { ObjectStore } from "../../../application/ports/object-store.ts";
import type { BucketWriteOnce } from "../rest/bucket-write-once.ts";
import { callFailed, type StoreRefusal } from "../rest/refusal-reason.ts";
import { s3ObjectStore } from "../rest/s3-object-store.ts";
import type { Bucket as At } from "../rest/signed-fetch.ts";
import type { AwsSettings } from "./settings.ts";

/** The calls to the bucket, made by the official client. */
export function objectStore(
  settings: AwsSettings,
  client: S3Client,
  { at, once }: { readonly at: At; readonly once: BucketWriteOnce },
): ObjectStore["Service"] {
  const { bucket: Bucket, region } = settings;
  const call = <A>(make: (options: { readonly abortSignal: AbortSignal }) => Promise<A>) =>
    Effect.tryPromise({
      try: (abortSignal) => make({ abortSignal }),
      catch: (cause) => callFailed(settings, cause, refusalIn(cause)),
    });
  // us-east-1 is the only region that must not be named when a bucket is made.
  const location =
    region === "us-east-1"
      ? {}
      : { CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint } };
  return s3ObjectStore(
    settings,
    { at, once },
    {
      makeBucket: call((options) =>
        client.send(new CreateBucketCommand({ Bucket, ...location }), options),
      ),
      keep: ({ key: Key, version: VersionId }) =>
        call((options) =>
          client.send(new DeleteObjectTaggingCommand({ Bucket, Key, VersionId }), options),
        ),
      remove: ({ key: Key, version: VersionId }) =>
        call((options) =>
          client.send(new DeleteObjectCommand({ Bucket, Key, VersionId }), options),
        ),
    },
  );
}

/** The store's answer to a failed call; undefined if there was none. */
function refusalIn(cause: unknown): (StoreRefusal & { readonly status: number }) | undefined {
  if (!(cause instanceof S3ServiceException)) return undefined;
  const { name, message, $metadata } = cause;
  const status = $metadata.httpStatusCode;
  if (status === undefined) return undefined;
  return { status, code: WITHOUT_CODE.has(name) ? undefined : name, message };
}

/** What the client calls an answer that has no code. */
const WITHOUT_CODE: ReadonlySet<string> = new Set(["403", "NotFound", "Unknown", "UnknownError"]);
