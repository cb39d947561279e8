import * as Effect from "effect/Effect";
import * as Predicate from "effect/Predicate";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { requestUploads } from "../../application/request-upload.ts";
import type { RequestedUpload } from "../../domain/upload-policy.ts";
import { decoder } from "../json/decode.ts";
import { answer } from "./answer.ts";
import type { Uploads } from "./answers.ts";
import { parseIdempotencyKey } from "./idempotency-key.ts";
import {
  askedFacts,
  grantedFacts,
  requestedUpload,
  uploadAnswer,
  UploadRequest,
} from "./presign.ts";
import { InvalidBody } from "./refusals.ts";
import type { MemberRequest } from "./route.ts";

/** How large the body may be, in bytes: 100 files have room, unless most names are very long. */
export const BATCH_LIMIT = 64 * 1024;

const MAX_FILES = 100;

/** Answers `POST /api/v1/orgs/:slug/files/batch`. */
export const presignBatch = Effect.fnUntraced(function* (request: MemberRequest) {
  const { c, member, recordFacts } = request;
  const uploads = yield* decodeBatch(request.body);
  const asked = uploads.map(askedFacts);
  recordFacts({}, asked);
  const idempotencyKey = yield* parseIdempotencyKey(c.req.raw.headers.get("idempotency-key"));
  const granted = yield* requestUploads({ member, uploads, idempotencyKey });
  recordFacts(
    {},
    granted.map((upload, index) => ({ ...asked[index], ...grantedFacts(upload) })),
  );
  return answer(c, { uploads: granted.map(uploadAnswer) } satisfies Uploads);
});

const { policy, strict } = UploadRequest.fields;

/** The body of `POST …/batch`. */
export const BatchRequest = Schema.Struct({
  files: Schema.Array(UploadRequest).check(
    Schema.isMinLength(1, { message: "it has no file" }),
    Schema.isMaxLength(MAX_FILES),
  ),
  policy,
  strict,
}).annotate({
  identifier: "BatchRequest",
  description: "`policy` and `strict` are for the files that leave them out.",
});

const decode = decoder(BatchRequest, Object.keys(BatchRequest.fields));

/**
 * Counted before the files are decoded, since as many as fit a body would take a quarter second.
 */
const hasTooMany = (body: unknown) =>
  Predicate.hasProperty(body, "files") &&
  Array.isArray(body.files) &&
  body.files.length > MAX_FILES;

const TOO_MANY = Effect.fail(
  new InvalidBody({
    faults: [{ pointer: "/files", reason: `it has more than ${MAX_FILES} files` }],
  }),
);

/** The body of `POST …/batch` in the words of the domain. */
export function decodeBatch(
  body: unknown,
): Effect.Effect<ReadonlyArray<RequestedUpload>, InvalidBody> {
  if (hasTooMany(body)) return TOO_MANY;
  const decoded = decode(body);
  if (Result.isFailure(decoded)) return Effect.fail(new InvalidBody({ faults: decoded.failure }));
  const { files, ...defaults } = decoded.success;
  return Effect.succeed(files.map((file) => requestedUpload({ ...defaults, ...file })));
}
