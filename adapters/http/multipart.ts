import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Predicate from "effect/Predicate";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as application from "../../application/abort-multipart.ts";
import { completeMultipart } from "../../application/complete-multipart.ts";
import { listParts as list } from "../../application/list-parts.ts";
import { signParts as sign } from "../../application/sign-parts.ts";
import { startMultipart as start } from "../../application/start-multipart.ts";
import { uploadOf } from "../../application/tokens.ts";
import { Checksum } from "../../domain/checksum.ts";
import { InvalidUpload } from "../../domain/errors.ts";
import { MOST_PARTS, PartNumber } from "../../domain/multipart.ts";
import { decoder, type Decoded, memberAt, MISSING } from "../json/decode.ts";
import { answer, answerEmpty } from "./answer.ts";
import {
  type CompletedUpload,
  type MultipartUpload,
  type Parts,
  type SignedParts,
  Token,
} from "./answers.ts";
import { confirmedAnswer } from "./confirm.ts";
import { parseIdempotencyKey } from "./idempotency-key.ts";
import { askedFacts, grantedFacts, refusalOfUpload, UploadRequest } from "./presign.ts";
import { InvalidBody } from "./refusals.ts";
import type { MemberRequest } from "./route.ts";

/** How many parts one request may ask URLs for. */
const MOST_URLS = 100;

/** Answers `POST /api/v1/orgs/:slug/files/multipart`. */
export const startMultipart = Effect.fnUntraced(function* (request: MemberRequest) {
  const { c, member, recordFacts } = request;
  const asked = yield* decodeStart(request.body);
  recordFacts(askedFacts(asked));
  const idempotencyKey = yield* parseIdempotencyKey(c.req.raw.headers.get("idempotency-key"));
  const started = yield* start({ member, ...asked, idempotencyKey });
  recordFacts(grantedFacts(started));
  return answer(c, {
    upload: started.upload,
    key: started.key,
    part_size: started.partSize,
    part_count: started.partCount,
    expires_at: DateTime.formatIso(started.expiresAt),
  } satisfies MultipartUpload);
});

const { strict: _, method: __, ...startFields } = UploadRequest.fields;

/** The body of `POST …/multipart`. */
export const MultipartStart = Schema.Struct(startFields).annotate({ identifier: "MultipartStart" });

const decodeStarted = decoder(MultipartStart, Object.keys(MultipartStart.fields));

/** The body of `POST …/multipart` in the words of the domain. */
export const decodeStart = Effect.fnUntraced(function* (body: unknown) {
  const decoded = decodeStarted(body);
  if (Result.isFailure(decoded)) return yield* Effect.fail(refusalOfUpload(decoded.failure));
  const { filename, content_type, size, policy, checksum } = decoded.success;
  return { upload: { fileName: filename, mediaType: content_type, size, checksum }, policy };
});

/** Answers `POST /api/v1/orgs/:slug/files/multipart/parts`. */
export const signParts = Effect.fnUntraced(function* (request: MemberRequest) {
  const { c, member } = request;
  const { parts } = yield* sign({ member, ...(yield* decodeSigning(request.body)) });
  return answer(c, {
    parts: parts.map(({ partNumber, put }) => ({
      part_number: partNumber,
      url: put.url,
      headers: put.headers,
      expires_at: DateTime.formatIso(put.expiresAt),
    })),
  } satisfies SignedParts);
});

const NOT_ONE_EACH = {
  pointer: "/checksums",
  reason: "it does not have one checksum for each of part_numbers, in the same order",
};

const eachOnce = (numbers: ReadonlyArray<number>) =>
  new Set(numbers).size === numbers.length
    ? undefined
    : "it has a part number more than once: name each part once";

/** The body of `POST …/multipart/parts`. */
export const PartsToSign = Schema.Struct({
  upload: Token,
  part_numbers: Schema.Array(PartNumber)
    .check(
      Schema.makeFilter<ReadonlyArray<number>>(
        (numbers) =>
          numbers.length >= 1 && numbers.length <= MOST_URLS
            ? eachOnce(numbers)
            : `it does not have 1 to ${MOST_URLS} part numbers`,
        { toJsonSchema: () => ({ minItems: 1, maxItems: MOST_URLS, uniqueItems: true }) },
      ),
    )
    .annotate({ examples: [[1, 2]] as never }),
  checksums: Schema.optionalKey(
    Schema.Array(Checksum).annotate({
      description: "The checksum of each of these parts, in the same order.",
    }),
  ),
}).annotate({ identifier: "PartsToSign" });

const decodeAsked = decoder(PartsToSign, Object.keys(PartsToSign.fields));

/** The body of `POST …/multipart/parts` as the use case takes it. */
export const decodeSigning = Effect.fnUntraced(function* (body: unknown) {
  const { upload, part_numbers, checksums } = yield* accept(decodeAsked(body));
  if (checksums !== undefined && checksums.length !== part_numbers.length) {
    return yield* new InvalidBody({ faults: [NOT_ONE_EACH] });
  }
  const parts = part_numbers.map((partNumber, index) => ({
    partNumber,
    checksum: checksums?.[index],
  }));
  return { upload, parts };
});

/** Answers `GET /api/v1/orgs/:slug/files/multipart/parts?upload=`. */
export const listParts = Effect.fnUntraced(function* ({ c, member }: MemberRequest) {
  const { parts } = yield* list({ member, upload: c.req.query("upload") ?? "" });
  return answer(c, {
    parts: parts.map(({ partNumber, size, etag }) => ({ part_number: partNumber, size, etag })),
  } satisfies Parts);
});

/** Answers `POST /api/v1/orgs/:slug/files/multipart/complete`. */
export const complete = Effect.fnUntraced(function* (request: MemberRequest) {
  const { member } = request;
  const completed = yield* completeMultipart({ member, ...(yield* decodeCompletion(request)) });
  return answer(request.c, {
    ...confirmedAnswer(request, completed),
    // It is written once.
    final: true,
    receipt: completed.receipt,
  } satisfies CompletedUpload);
});

/** The most bytes of a body that names 10,000 parts: as Amazon S3 allows. */
export const COMPLETION_LIMIT = 1024 * 1024;

/** The body of `POST …/multipart/complete`. */
export const MultipartCompletion = Schema.Struct({
  upload: Token,
  parts: Schema.Array(
    Schema.Struct({
      part_number: PartNumber,
      etag: Schema.String.check(
        Schema.makeFilter<string>(
          (value) =>
            ETAG.test(value)
              ? undefined
              : "it is not an ETag: send it as the store answered the PUT of the part, on one line",
          {
            identifier: "PartETag",
            description: "As the store answered the PUT of the part, with or without quotes.",
            examples: ['"5d41402abc4b2a76b9719d911017c592"'],
            toJsonSchema: () => ({ pattern: ETAG.source }),
          },
        ),
      ),
    }).annotate({ identifier: "UploadedPart" }),
  ).check(
    Schema.makeFilter<ReadonlyArray<{ readonly part_number: number }>>(
      (parts) =>
        parts.length >= 1 && parts.length <= MOST_PARTS
          ? eachOnce(parts.map(({ part_number }) => part_number))
          : NOT_SO_MANY,
      { toJsonSchema: () => ({ minItems: 1, maxItems: MOST_PARTS }) },
    ),
  ),
}).annotate({ identifier: "MultipartCompletion" });

const ETAG = /^"?[!#-~]{1,255}"?$/;

const decodeNamed = decoder(MultipartCompletion, Object.keys(MultipartCompletion.fields));

/**
 * The body of `POST …/multipart/complete` as the use case takes it. Its upload is opened first, as
 * decoding up to 10,000 parts costs much more.
 */
export const decodeCompletion = Effect.fnUntraced(function* ({
  member,
  body,
}: Pick<MemberRequest, "member" | "body">) {
  const token = memberAt(body, ["upload"]);
  if (typeof token === "string") yield* uploadOf({ member, upload: token });
  // Before each is looked at: a body has room for hundreds of thousands of parts.
  if (hasTooManyParts(body)) {
    return yield* new InvalidBody({ faults: [{ pointer: "/parts", reason: NOT_SO_MANY }] });
  }
  const { upload, parts } = yield* accept(decodeNamed(body));
  return {
    upload,
    parts: parts.map(({ part_number, etag }) => ({ partNumber: part_number, etag })),
  };
});

const hasTooManyParts = (body: unknown): boolean =>
  Predicate.hasProperty(body, "parts") &&
  Array.isArray(body.parts) &&
  body.parts.length > MOST_PARTS;

const NOT_SO_MANY = `it does not have 1 to ${MOST_PARTS} parts`;

/** Answers `DELETE /api/v1/orgs/:slug/files/multipart`. */
export const abort = Effect.fnUntraced(function* (request: MemberRequest) {
  const { c, member } = request;
  const { upload } = yield* decodeUpload(request.body);
  yield* application.abortMultipart({ member, upload });
  return answerEmpty(c);
});

/** The body of `DELETE …/multipart`. */
export const MultipartAbort = Schema.Struct({ upload: Token }).annotate({
  identifier: "MultipartAbort",
});

const decodeToken = decoder(MultipartAbort, Object.keys(MultipartAbort.fields));

/** The body of `DELETE …/multipart` as the use case takes it. */
export const decodeUpload = (body: unknown) => accept(decodeToken(body));

/** An `upload` that is not a string is an invalid upload. */
function accept<A>(decoded: Decoded<A>): Effect.Effect<A, InvalidUpload | InvalidBody> {
  if (Result.isSuccess(decoded)) return Effect.succeed(decoded.success);
  const faults = decoded.failure;
  const [{ pointer, reason }] = faults;
  return Effect.fail(
    pointer === "/upload" && reason !== MISSING ? new InvalidUpload() : new InvalidBody({ faults }),
  );
}
