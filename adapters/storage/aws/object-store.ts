import {
  AbortMultipartUploadCommand,
  type BucketLocationConstraint,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  type ListPartsCommandOutput,
  type S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { Multipart, ObjectStore } from "../../../application/ports/object-store.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { fileChecksumsOf, tellsChecksums } from "../providers.ts";
import type { BucketWriteOnce } from "../rest/bucket-write-once.ts";
import { callFailed, type StoreRefusal } from "../rest/refusal-reason.ts";
import { COMPLETIONS, type DatedPart, newestOf, reasonOfMultipart } from "../rest/s3-multipart.ts";
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
  const ask = (request: HeadObjectCommand | HeadBucketCommand | ListObjectsV2Command) =>
    call(async (options) => {
      // The commands differ in input and output, which are not looked at here.
      const command = request as HeadObjectCommand;
      const headersOfAnswer = keepHeaders(command);
      try {
        await client.send(command, options);
        return { status: 200, ok: true, code: undefined, headers: headersOfAnswer() };
      } catch (cause) {
        const refusal = refusalIn(cause);
        if (refusal === undefined) throw cause;
        return { ...refusal, ok: false, headers: headersOfAnswer() };
      }
    });
  // us-east-1 is the only region that must not be named when a bucket is made.
  const location =
    region === "us-east-1"
      ? {}
      : { CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint } };
  const withChecksums = tellsChecksums(settings.provider) && { ChecksumMode: "ENABLED" as const };
  return s3ObjectStore(
    settings,
    { at, once },
    {
      head: (Key) =>
        ask(
          Key === undefined
            ? new HeadBucketCommand({ Bucket })
            : new HeadObjectCommand({ Bucket, Key, ...withChecksums }),
        ),
      list: Effect.suspend(() => ask(new ListObjectsV2Command({ Bucket, MaxKeys: 1 }))),
      multipart: multipartOf(settings, client),
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

/** Multipart uploads of the bucket. */
function multipartOf(settings: AwsSettings, client: S3Client): Multipart {
  const { bucket: Bucket } = settings;
  /** A call of which some refusals are answers too, by their codes. */
  const call = <A, B>(
    make: (options: { readonly abortSignal: AbortSignal }) => Promise<A>,
    answers: ReadonlyMap<string | undefined, B>,
  ): Effect.Effect<A | B, StoreUnavailable> =>
    Effect.tryPromise({
      try: async (abortSignal) => {
        try {
          return await make({ abortSignal });
        } catch (cause) {
          const answer = answers.get(refusalIn(cause)?.code);
          if (answer === undefined) throw cause;
          return answer;
        }
      },
      catch: (cause) => {
        const refusal = refusalIn(cause);
        return refusal === undefined
          ? callFailed(settings, cause, undefined)
          : new StoreUnavailable({ reason: reasonOfMultipart(settings, refusal) });
      },
    });
  return {
    fileChecksums: fileChecksumsOf(settings.provider),
    create: ({ key: Key, mediaType: ContentType, checksum }) =>
      call(async (options) => {
        const announced = checksum && { ChecksumAlgorithm: "CRC32C" as const, ...WHOLE };
        const request = { Bucket, Key, ContentType, ...announced };
        const command = new CreateMultipartUploadCommand(request);
        const { UploadId } = await client.send(command, options);
        if (UploadId === undefined) throw new Error("the store did not name the upload");
        return UploadId;
      }, NONE),
    list: ({ key: Key, uploadId: UploadId }) =>
      call(async (options) => {
        const parts: Array<DatedPart> = [];
        // Not by the client's paginator: MinIO names a next part after the last one too.
        let after: string | undefined = "0";
        while (after !== undefined) {
          const request = { Bucket, Key, UploadId, PartNumberMarker: after };
          const page: ListPartsCommandOutput = await client.send(
            new ListPartsCommand(request),
            options,
          );
          const { Parts = [], IsTruncated = false, NextPartNumberMarker: next } = page;
          for (const part of Parts) {
            const { PartNumber: partNumber = 0, Size: size = 0, ETag: etag = "" } = part;
            const arrived = part.LastModified?.getTime() ?? 0;
            parts.push({ partNumber, size, etag, crc32c: part.ChecksumCRC32C, arrived });
          }
          after = IsTruncated && Number(next) > Number(after) ? next : undefined;
        }
        return Option.some(newestOf(parts));
      }, NO_PARTS),
    complete: ({ key: Key, uploadId: UploadId, parts, checksum }) =>
      call(async (options) => {
        const Parts = parts.map(({ partNumber, etag, crc32c }) => ({
          PartNumber: partNumber,
          ETag: etag,
          ChecksumCRC32C: crc32c,
        }));
        const request = {
          Bucket,
          Key,
          UploadId,
          IfNoneMatch: "*",
          MultipartUpload: { Parts },
          ...(checksum && { ChecksumCRC32C: checksum.value, ...WHOLE }),
        };
        await client.send(new CompleteMultipartUploadCommand(request), options);
        return "completed" as const;
      }, COMPLETIONS),
    abort: ({ key: Key, uploadId: UploadId }) =>
      call(async (options) => {
        await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }), options);
        return true;
      }, ENDED),
  };
}

/** The checksum is that of the whole object, not of the checksums of its parts. */
const WHOLE = { ChecksumType: "FULL_OBJECT" } as const;

const NONE = new Map<string | undefined, never>();
const NO_PARTS = new Map([["NoSuchUpload", Option.none()]]);
const ENDED = new Map([["NoSuchUpload", true]]);

/** Keeps all headers of the answer; the client returns only those that it knows. */
function keepHeaders({ middlewareStack }: HeadObjectCommand): () => Headers {
  let headers = new Headers();
  middlewareStack.add(
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
