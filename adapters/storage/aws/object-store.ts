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
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { ObjectUnreadable, StoreUnavailable } from "../../../domain/errors.ts";
import { callFailed, clockFault, noBucket, type StoreRefusal } from "../rest/refusal-reason.ts";
import { factsOfHead, failIfUnreadable } from "../rest/rode-along.ts";
import { s3Lifecycle } from "../rest/s3-lifecycle.ts";
import type { Bucket as At } from "../rest/signed-fetch.ts";
import { PROVIDERS } from "../providers.ts";
import type { AwsSettings } from "./settings.ts";
import { isError } from "../../settings/thrown.ts";

/** The calls to the bucket, made by the official client. */
export function objectStore(
  settings: AwsSettings,
  client: S3Client,
  at: At,
): ObjectStore["Service"] {
  const Bucket = settings.bucket;
  const provider = PROVIDERS[settings.provider];
  const failed = (cause: unknown) => callFailed(settings, cause, refusalIn(cause));
  const call = <A>(make: (options: { readonly abortSignal: AbortSignal }) => Promise<A>) =>
    Effect.tryPromise({
      try: (abortSignal) => make({ abortSignal }),
      catch: failed,
    });
  /** Whether the bucket is there; fails also where the clocks differ. */
  const hasBucket = Effect.gen(function* () {
    const command = new HeadBucketCommand({ Bucket });
    const headersOfAnswer = keepHeaders(command);
    const found = yield* Effect.result(
      call(async (options) => {
        try {
          await client.send(command, options);
          return true;
        } catch (cause) {
          const status = statusOf(cause);
          if (status === 404) return false;
          // Answers to a HEAD have no body that could say why.
          if (status !== undefined) {
            await client.send(new ListObjectsV2Command({ Bucket, MaxKeys: 1 }), options);
          }
          throw cause;
        }
      }),
    );
    const reason = clockFault(headersOfAnswer().get("date"), yield* Clock.currentTimeMillis);
    if (reason !== undefined) return yield* new StoreUnavailable({ reason });
    return yield* Effect.fromResult(found);
  });
  const missing = new StoreUnavailable({ reason: noBucket(settings) });
  return ObjectStore.of({
    ensureBucket: Effect.gen(function* () {
      if (yield* hasBucket) return;
      if (!settings.createBucket) return yield* missing;
      yield* call((options) => client.send(createCommand(settings), options)).pipe(
        // Another process may have made it at the same moment.
        Effect.catch((failure) =>
          Effect.flatMap(hasBucket, (isThere) => (isThere ? Effect.void : Effect.fail(failure))),
        ),
      );
    }),
    keep: (Key) =>
      Effect.asVoid(
        call((options) => client.send(new DeleteObjectTaggingCommand({ Bucket, Key }), options)),
      ),
    remove: ({ key: Key, version: VersionId }) =>
      Effect.asVoid(
        call((options) =>
          client.send(new DeleteObjectCommand({ Bucket, Key, VersionId }), options),
        ),
      ),
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
            if (statusOf(cause) !== 404) throw cause;
            // Fails where it is the bucket that is not there.
            await client.send(new HeadBucketCommand({ Bucket }), { abortSignal }).catch((cause) => {
              if (statusOf(cause) === 404) throw cause;
            });
            return false;
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
            : statusOf(cause) === 403
              ? new StoreUnavailable({ reason: NOT_PERMITTED })
              : failed(cause),
        ),
      );
      if (!isThere) return Option.none();
      const facts = yield* factsOfHead(object, headersOfAnswer());
      if (facts !== undefined) return Option.some(facts);
      return yield* new StoreUnavailable({
        reason: "the answer is not from an S3 store; check STORAGE_ENDPOINT",
      });
    }),
  });
}

/** Without the second permission, an object that is not there looks like one that is forbidden. */
const NOT_PERMITTED = "the credentials lack s3:GetObject or s3:ListBucket; allow both";

/** Keeps the headers of the answer, of which the client tells those alone that it knows. */
function keepHeaders(command: HeadObjectCommand | HeadBucketCommand): () => Headers {
  let headers = new Headers();
  // The commands differ in what they give and take, which is of no matter here.
  const { middlewareStack } = command as HeadObjectCommand;
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

/** The store's answer; undefined where there was none. */
function refusalIn(cause: unknown): StoreRefusal | undefined {
  const status = statusOf(cause);
  if (status === undefined || !isError(cause)) return undefined;
  const code = WITHOUT_CODE.has(cause.name) ? undefined : cause.name;
  return { status, code, message: cause.message };
}

/** What the client calls an answer that has no code. */
const WITHOUT_CODE: ReadonlySet<string> = new Set(["403", "NotFound", "Unknown", "UnknownError"]);
