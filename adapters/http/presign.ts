import type * as Arr from "effect/Array";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { requestUpload } from "../../application/request-upload.ts";
import type { AuditedFacts } from "../../application/ports/audit.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { Checksum } from "../../domain/checksum.ts";
import { FileName } from "../../domain/file-name.ts";
import { MediaType } from "../../domain/media-type.ts";
import {
  DEFAULT_POLICY,
  POLICY_NAME,
  PolicyName,
  type RequestedUpload,
} from "../../domain/upload-policy.ts";
import { decoder, type MemberFault, MISSING } from "../json/decode.ts";
import { isoOf } from "../time.ts";
import { answer } from "./answer.ts";
import type { Upload } from "./answers.ts";
import { parseIdempotencyKey } from "./idempotency-key.ts";
import { InvalidBody, InvalidMember } from "./refusals.ts";
import type { MemberRequest } from "./route.ts";

/** Answers `POST /api/v1/orgs/:slug/files/presign`. */
export const presign = ({ c, member, body, recordFacts }: MemberRequest) =>
  Effect.flatMapEager(decodePresign(body), (asked) => {
    recordFacts(askedFacts(asked));
    const header = c.req.raw.headers.get("idempotency-key");
    return Effect.flatMapEager(parseIdempotencyKey(header), (idempotencyKey) =>
      Effect.map(requestUpload({ member, ...asked, idempotencyKey }), (granted) => {
        recordFacts(grantedFacts(granted));
        return answer(c, uploadAnswer(granted));
      }),
    );
  });

/** A granted upload. */
type Granted = Effect.Success<ReturnType<typeof requestUpload>>;

/** A granted upload as it is answered. */
export const uploadAnswer = ({ key, put, get, receipt }: Granted): Upload => ({
  put_url: put.url,
  get_url: get.url,
  put_headers: put.headers,
  put_expires_at: isoOf(put.expiresAt.epochMilliseconds),
  get_expires_at: isoOf(get.expiresAt.epochMilliseconds),
  key,
  receipt,
});

/** What the audit is told of an upload that is asked for. */
export const askedFacts = ({
  upload: { size, mediaType },
  policy,
}: {
  readonly upload: Pick<AuditedFacts, "size" | "mediaType">;
  readonly policy?: string | undefined;
}) => ({
  size,
  mediaType,
  policy: policy === undefined ? DEFAULT_POLICY : isPolicyName(policy) ? policy : undefined,
});

/** What it is told besides once the upload is granted. */
export const grantedFacts = ({
  policy,
  key,
  isRetry,
}: Pick<Granted, "policy" | "key" | "isRetry">) => ({ policy, key, isRetry });

/** The body of `POST …/presign` that asks for a PUT. */
export const UploadRequest = Schema.Struct({
  filename: FileName,
  content_type: MediaType,
  size: ByteSize,
  method: Schema.optionalKey(
    Schema.Literal("put").annotate({
      description: "How the file is sent; by PUT if left out.",
      message: "it is neither put nor form; batches are sent by put only",
    }),
  ),
  checksum: Schema.optionalKey(Checksum),
  policy: Schema.optionalKey(
    Schema.String.annotate({
      description: "The name of a policy; `files` if left out.",
      // Not a check: another name is one of no policy.
      pattern: POLICY_NAME.source,
      examples: ["files"],
    }),
  ),
  strict: Schema.optionalKey(
    Schema.Boolean.annotate({
      // Not as a default: generated clients would ask for it.
      description:
        "Binds everything that the store can enforce; the PUT has to carry all of `put_headers`. False if left out.",
    }),
  ),
}).annotate({ identifier: "UploadRequest" });

const decode = decoder(UploadRequest, Object.keys(UploadRequest.fields));
const isPolicyName = Schema.is(PolicyName);

/**
 * The body of `POST …/presign` in the words of the domain. One bad value fails with
 * `InvalidMember`; missing and unknown members, and several faults at once, with `InvalidBody`.
 */
export function decodePresign(
  body: unknown,
): Effect.Effect<RequestedUpload, InvalidBody | InvalidMember> {
  const decoded = decode(body);
  return Result.isSuccess(decoded)
    ? Effect.succeed(requestedUpload(decoded.success))
    : Effect.fail(refusalOfUpload(decoded.failure));
}

/** Why a body that names a file is refused. */
export function refusalOfUpload(
  faults: Arr.NonEmptyReadonlyArray<MemberFault>,
): InvalidBody | InvalidMember {
  const [first] = faults;
  const [, member = ""] = first.pointer.split("/");
  if (faults.length === 1 && Object.hasOwn(CODES, member) && first.reason !== MISSING) {
    const code = CODES[member as keyof typeof CODES];
    return new InvalidMember({ code, fault: first });
  }
  return new InvalidBody({ faults });
}

/** What a decoded body asks for, in the words of the domain. */
export const requestedUpload = ({
  filename,
  content_type,
  size,
  checksum,
  policy,
  strict = false,
}: typeof UploadRequest.Type): RequestedUpload => ({
  upload: { fileName: filename, mediaType: content_type, size, strict, checksum },
  policy,
});

const CODES = {
  filename: "INVALID_FILE_NAME",
  content_type: "INVALID_CONTENT_TYPE",
  size: "INVALID_SIZE",
  checksum: "INVALID_CHECKSUM",
} as const;
