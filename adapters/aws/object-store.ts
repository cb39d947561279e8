import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  type S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import {
  type BucketLifecycle,
  type ObjectFacts,
  ObjectStore,
  StoreUnavailable,
} from "../../application/ports/object-store.ts";
import { type EXTRA_HEADERS, present, versionOf } from "../rest/object-facts.ts";
import type { AwsSettings } from "./settings.ts";
import { isError } from "../settings/thrown.ts";

/** The calls to the bucket, made by the official client. */
export function objectStore(
  settings: AwsSettings,
  client: S3Client,
  lifecycle: BucketLifecycle,
): ObjectStore["Service"] {
  const Bucket = settings.bucket;
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
    lifecycle,
    head: (Key) =>
      Effect.tryPromise({
        try: async (abortSignal) => {
          try {
            const command = new HeadObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" });
            return Option.some(factsOf(await client.send(command, { abortSignal })));
          } catch (cause) {
            if (statusOf(cause) === 404) return Option.none();
            throw cause;
          }
        },
        catch: (cause) =>
          new StoreUnavailable({
            reason: statusOf(cause) === 403 ? NOT_PERMITTED : reasonOf(Bucket, cause),
          }),
      }),
  });
}

/** Without the second permission, an object that is not there looks like one that is forbidden. */
const NOT_PERMITTED =
  "the credentials may not look at an object (s3:GetObject), or not tell whether it is there (s3:ListBucket)";

function factsOf(head: HeadObjectCommandOutput): ObjectFacts {
  const extras = {
    "cache-control": head.CacheControl,
    "content-disposition": head.ContentDisposition,
    "content-encoding": head.ContentEncoding,
    "content-language": head.ContentLanguage,
    expires: head.ExpiresString,
    "x-amz-website-redirect-location": head.WebsiteRedirectLocation,
  } satisfies Record<(typeof EXTRA_HEADERS)[number], string | undefined>;
  if (head.ContentLength === undefined) throw new Error("the answer is not that of a store");
  return {
    size: head.ContentLength,
    mediaType: head.ContentType ?? "",
    etag: head.ETag ?? "",
    checksums: present({ sha256: whole(head.ChecksumSHA256), crc32c: whole(head.ChecksumCRC32C) }),
    extraHeaders: present(extras),
    version: versionOf(head.VersionId),
  };
}

/** Behind a hyphen there is the number of parts that it is a checksum of checksums of. */
const whole = (checksum: string | undefined) =>
  checksum?.includes("-") === true ? undefined : checksum;

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
