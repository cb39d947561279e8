import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { ByteSize } from "../../domain/byte-size.ts";
import { Checksum } from "../../domain/checksum.ts";
import { FileName } from "../../domain/file-name.ts";
import { MediaType } from "../../domain/media-type.ts";
import { POLICY_NAME, type UploadRequest as Asked } from "../../domain/upload-policy.ts";
import { decoder, MISSING } from "../settings/decode.ts";
import { InvalidBody, InvalidMember } from "./refusals.ts";

/** The body of `POST …/presign`. */
export const UploadRequest = Schema.Struct({
  filename: FileName,
  content_type: MediaType,
  size: ByteSize,
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

const CODES = {
  filename: "INVALID_FILE_NAME",
  content_type: "INVALID_CONTENT_TYPE",
  size: "INVALID_SIZE",
  checksum: "INVALID_CHECKSUM",
} as const;

/** What a presign request asks for. */
export interface PresignRequest {
  readonly upload: Asked;
  readonly policy: string | undefined;
}

/**
 * The body of `POST …/presign` as the domain knows it. One bad value fails with `InvalidMember`;
 * missing and unknown members, and several faults at once, with `InvalidBody`.
 */
export function decodePresign(
  body: unknown,
): Effect.Effect<PresignRequest, InvalidBody | InvalidMember> {
  const decoded = decode(body);
  if (Result.isSuccess(decoded)) {
    const { filename, content_type, size, checksum, policy, strict = false } = decoded.success;
    return Effect.succeed({
      upload: { fileName: filename, mediaType: content_type, size, strict, checksum },
      policy,
    });
  }
  const faults = decoded.failure;
  const [first] = faults;
  const [, member = ""] = first.pointer.split("/");
  if (faults.length === 1 && Object.hasOwn(CODES, member) && first.reason !== MISSING) {
    const code = CODES[member as keyof typeof CODES];
    return Effect.fail(new InvalidMember({ code, fault: first }));
  }
  return Effect.fail(new InvalidBody({ faults }));
}
