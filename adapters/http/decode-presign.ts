import * as Arr from "effect/Array";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as SchemaIssue from "effect/SchemaIssue";
import { ByteSize } from "../../domain/byte-size.ts";
import { FileName } from "../../domain/file-name.ts";
import { MediaType } from "../../domain/media-type.ts";
import type { UploadRequest } from "../../domain/upload-policy.ts";
import { InvalidBody, InvalidMember, type MemberFault } from "./refusals.ts";

const PresignBody = Schema.Struct({
  filename: FileName,
  content_type: MediaType,
  size: ByteSize,
});

const CODES = {
  "/filename": "INVALID_FILE_NAME",
  "/content_type": "INVALID_CONTENT_TYPE",
  "/size": "INVALID_SIZE",
} as const;

const decode = Schema.decodeUnknownResult(PresignBody, {
  errors: "all",
  onExcessProperty: "error",
});

/**
 * The body of `POST …/presign` as the domain knows it. One bad value fails with `InvalidMember`;
 * missing and unknown members, and several faults at once, with `InvalidBody`.
 */
export function decodePresign(
  body: unknown,
): Effect.Effect<UploadRequest, InvalidBody | InvalidMember> {
  const decoded = decode(body);
  if (Result.isSuccess(decoded)) {
    const { filename, content_type, size } = decoded.success;
    return Effect.succeed({ fileName: filename, mediaType: content_type, size });
  }
  const faults = faultsOf(decoded.failure.issue);
  const [first] = faults;
  if (faults.length === 1 && Object.hasOwn(CODES, first.pointer) && first.reason !== MISSING) {
    const code = CODES[first.pointer as keyof typeof CODES];
    return Effect.fail(new InvalidMember({ code, fault: first }));
  }
  return Effect.fail(new InvalidBody({ faults }));
}

const MISSING = "it is missing";

const format = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    switch (issue._tag) {
      case "MissingKey":
        return MISSING;
      case "UnexpectedKey":
        return "it is not known here; the members are filename, content_type and size";
      default:
        return `it is not ${expected(issue)}`;
    }
  },
});

function faultsOf(issue: SchemaIssue.Issue): Arr.NonEmptyReadonlyArray<MemberFault> {
  // A hostile body can have thousands of them.
  const faults = format(issue)
    .issues.slice(0, 20)
    .map(({ message, path = [] }) => ({
      pointer: path.map((member) => `/${escape(String(member))}`).join(""),
      reason: message,
    }));
  return Arr.isReadonlyArrayNonEmpty(faults)
    ? faults
    : [{ pointer: "", reason: "it is not what this operation takes" }];
}

/** RFC 6901, section 3. */
const escape = (member: string) => member.replaceAll("~", "~0").replaceAll("/", "~1");

function expected(issue: SchemaIssue.Issue): string {
  const tag = "ast" in issue ? issue.ast._tag : undefined;
  if (tag === "String") return "a string";
  if (tag === "Number") return "a number";
  return tag === "Objects" ? "an object" : "of the right type";
}
