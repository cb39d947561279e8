import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import * as Effect from "effect/Effect";
import type { ObjectStore } from "../../../application/ports/object-store.ts";
import { callFailed, type StoreRefusal } from "../rest/refusal-reason.ts";
import { s3ObjectStore } from "../rest/s3-object-store.ts";
import type { Bucket as At } from "../rest/signed-fetch.ts";
import type { AwsSettings } from "./settings.ts";

/** The calls to the bucket, made by the official client. */
export function objectStore(
  settings: AwsSettings,
  client: S3Client,
  at: At,
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
  return s3ObjectStore(settings, at, {
    head: (Key) =>
      ask(
        Key === undefined
          ? new HeadBucketCommand({ Bucket })
          : new HeadObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }),
      ),
    list: Effect.suspend(() => ask(new ListObjectsV2Command({ Bucket, MaxKeys: 1 }))),
    makeBucket: call((options) =>
      client.send(new CreateBucketCommand({ Bucket, ...location }), options),
    ),
    keep: (Key) =>
      call((options) => client.send(new DeleteObjectTaggingCommand({ Bucket, Key }), options)),
    remove: ({ key: Key, version: VersionId }) =>
      call((options) => client.send(new DeleteObjectCommand({ Bucket, Key, VersionId }), options)),
  });
}

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
