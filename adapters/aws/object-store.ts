import { CreateBucketCommand, HeadBucketCommand, S3ServiceException } from "@aws-sdk/client-s3";
import type { BucketLocationConstraint, S3Client } from "@aws-sdk/client-s3";
import * as Effect from "effect/Effect";
import { ObjectStore, StoreUnavailable } from "../../application/ports/object-store.ts";
import type { AwsSettings } from "./settings.ts";

/** The calls to the bucket, made by the official client. */
export function objectStore(settings: AwsSettings, client: S3Client): ObjectStore["Service"] {
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
  });
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
      return `the credentials may not look at the bucket ${bucket} (s3:ListBucket)`;
    case 301:
      return `the bucket ${bucket} is in another region; set STORAGE_REGION to it`;
    default:
      return cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  }
}
