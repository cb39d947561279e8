import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  type S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import {
  ObjectStore,
  ObjectUnreadable,
  StoreUnavailable,
} from "../../application/ports/object-store.ts";
import { factsOfHead, failIfUnreadable } from "../rest/rode-along.ts";
import { s3Lifecycle } from "../rest/s3-lifecycle.ts";
import type { Bucket as At } from "../rest/signed-fetch.ts";
import { PROVIDERS } from "../settings/providers.ts";
import type { AwsSettings } from "./settings.ts";
import { isError } from "../settings/thrown.ts";

/** The calls to the bucket, made by the official client. */
export function objectStore(
  settings: AwsSettings,
  client: S3Client,
  at: At,
): ObjectStore["Service"] {
  const Bucket = settings.bucket;
  const provider = PROVIDERS[settings.provider];
  return ObjectStore.of({
    ensureBucket: Effect.tryPromise({
      try: async (abortSignal) => {
        try {
          await client.send(new HeadBucketCommand({ Bucket }), { abortSignal });
        } catch (cause) {
          if (!settings.createBucket || statusOf(cause) !== 404) throw cause;
          await client.send(createCommand(settings), { abortSignal });
        }
      },
      catch: (cause) => new StoreUnavailable({ reason: reasonOf(Bucket, cause) }),
    }),
    keep: (Key) =>
      Effect.tryPromise({
        try: async (abortSignal) => {
          await client.send(new DeleteObjectTaggingCommand({ Bucket, Key }), { abortSignal });
        },
        catch: (cause) => new StoreUnavailable({ reason: reasonOf(Bucket, cause) }),
      }),
    remove: ({ key: Key, version: VersionId }) =>
      Effect.tryPromise({
        try: async (abortSignal) => {
          await client.send(new DeleteObjectCommand({ Bucket, Key, VersionId }), { abortSignal });
        },
        catch: (cause) => new StoreUnavailable({ reason: reasonOf(Bucket, cause) }),
      }),
    lifecycle: s3Lifecycle(at),
    head: Effect.fnUntraced(function* (key) {
      const object = { bucket: at, key, provider };
      const command = new HeadObjectCommand({ Bucket, Key: key, ChecksumMode: "ENABLED" });
      const headersOfAnswer = keepHeaders(command);
      const isThere = yield* Effect.tryPromise({
        try: async (abortSignal) => {
          try {
            await client.send(command, { abortSignal });
            return true;
          } catch (cause) {
            if (statusOf(cause) === 404) return false;
            throw cause;
          }
        },
        catch: (cause) => cause,
      }).pipe(
        Effect.tapError((cause) =>
          statusOf(cause) === 400 ? failIfUnreadable(object) : Effect.void,
        ),
        Effect.mapError((cause) =>
          cause instanceof ObjectUnreadable || cause instanceof StoreUnavailable
            ? cause
            : new StoreUnavailable({
                reason: statusOf(cause) === 403 ? NOT_PERMITTED : reasonOf(Bucket, cause),
              }),
        ),
      );
      if (!isThere) return Option.none();
      const facts = yield* factsOfHead(object, headersOfAnswer());
      if (facts !== undefined) return Option.some(facts);
      return yield* new StoreUnavailable({ reason: "the answer is not that of a store" });
    }),
  });
}

/** Without the second permission, an object that is not there looks like one that is forbidden. */
const NOT_PERMITTED =
  "the credentials may not look at an object (s3:GetObject), or not tell whether it is there (s3:ListBucket)";

/** Keeps the headers of the answer, of which the client tells those alone that it knows. */
function keepHeaders(command: HeadObjectCommand): () => Headers {
  let headers = new Headers();
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { response } = result as { readonly response: { readonly headers: HeadersInit } };
      headers = new Headers(response.headers);
      return result;
    },
    { step: "deserialize", priority: "low" },
  );
  return () => headers;
}

/** us-east-1 is the one region that must not be named when a bucket is made. */
function createCommand({ bucket, region }: AwsSettings): CreateBucketCommand {
  return new CreateBucketCommand({
    Bucket: bucket,
    ...(region === "us-east-1"
      ? {}
      : {
          CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint },
        }),
  });
}

const statusOf = (cause: unknown) =>
  cause instanceof S3ServiceException ? cause.$metadata.httpStatusCode : undefined;

function reasonOf(bucket: string, cause: unknown): string {
  switch (statusOf(cause)) {
    case 404:
      return `there is no bucket ${bucket}; make it, or set STORAGE_CREATE_BUCKET=on`;
    case 403:
      return `the store does not show the bucket ${bucket}: the secret is wrong, or s3:ListBucket is missing`;
    case 301:
      return `the bucket ${bucket} is in another region; set STORAGE_REGION to it`;
    case undefined:
      return isError(cause) ? `${cause.name}: ${cause.message}` : String(cause);
    default:
      return `it answered with ${statusOf(cause)}, and not as a store does (${String(cause)})`;
  }
}
