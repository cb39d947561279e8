import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as SchemaTransformation from "effect/SchemaTransformation";
import * as Struct from "effect/Struct";
import { LinkLifetime } from "../../domain/link.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import {
  AllowedType,
  CallerKind,
  PolicyName,
  type UploadPolicy,
} from "../../domain/upload-policy.ts";
import { type Decoded, decoder, type MemberFault } from "../settings/decode.ts";
import { Size } from "../settings/codecs.ts";

/** Reads a policy document: an object of policies by their names. */
export function decodePolicies(
  document: unknown,
): Decoded<ReadonlyMap<string, Partial<UploadPolicy>>> {
  return Result.flatMap(
    Result.mapError(
      decode(document),
      ([first, ...others]) => [explain(first), ...others.map(explain)] as const,
    ),
    (policies) => {
      const misnamed = Object.keys(policies).find((name) => !isPolicyName(name));
      return misnamed === undefined
        ? Result.succeed(
            new Map(Object.entries(policies).map(([name, policy]) => [name, membersOf(policy)])),
          )
        : Result.fail([{ pointer: `/${misnamed}`, reason: NAME }] as const);
    },
  );
}

const NAME = "it is not named by 1 to 63 lower-case letters, digits and hyphens";
const isPolicyName = Schema.is(PolicyName);

const LifetimeText = Schema.DurationFromString.pipe(
  Schema.decodeTo(Lifetime, SchemaTransformation.passthrough()),
);

const OnMismatch = Schema.Literals(["keep", "delete"]).pipe(
  Schema.decodeTo(
    Schema.Boolean,
    SchemaTransformation.transform({
      decode: (text): boolean => text === "delete",
      encode: (value): "keep" | "delete" => (value ? "delete" : "keep"),
    }),
  ),
);

/** Whole days, as lifecycle rules count. */
const Days = Schema.String.pipe(
  Schema.decodeTo(
    Schema.Number.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 3650 })),
    SchemaTransformation.transform({
      decode: (text) => Number(/^(\d+) days?$/.exec(text)?.[1] ?? Number.NaN),
      encode: (days) => `${days} days`,
    }),
  ),
);

const fields = {
  callers: Schema.optionalKey(Schema.NonEmptyArray(CallerKind)),
  max_size: Schema.optionalKey(Size),
  allowed_types: Schema.optionalKey(Schema.NonEmptyArray(AllowedType)),
  put_lifetime: Schema.optionalKey(LifetimeText),
  get_lifetime: Schema.optionalKey(LifetimeText),
  min_lifetime: Schema.optionalKey(LifetimeText),
  write_once: Schema.optionalKey(Schema.Boolean),
  strict: Schema.optionalKey(Schema.Boolean),
  require_checksum: Schema.optionalKey(Schema.Boolean),
  inline_pdf: Schema.optionalKey(Schema.Boolean),
  on_mismatch: Schema.optionalKey(OnMismatch),
  unconfirmed_after: Schema.optionalKey(Days),
  link_lifetime: Schema.optionalKey(
    Schema.DurationFromString.pipe(
      Schema.decodeTo(LinkLifetime, SchemaTransformation.passthrough()),
    ),
  ),
};

const LIFETIME = 'it is not a duration such as "15 minutes", from "1 second" to "7 days"';
const SHAPES: Readonly<Record<keyof typeof fields, string>> = {
  callers: 'it is not a list of "user", "service" or both',
  max_size: 'it is neither a number of bytes nor text such as "200 MiB" (B, KiB, MiB, GiB or TiB)',
  allowed_types: "it is not a list of media types in lower case, with one at least",
  put_lifetime: LIFETIME,
  get_lifetime: LIFETIME,
  min_lifetime: LIFETIME,
  write_once: "it is neither true nor false",
  strict: "it is neither true nor false",
  require_checksum: "it is neither true nor false",
  inline_pdf: "it is neither true nor false",
  on_mismatch: 'it is neither "keep" nor "delete"',
  unconfirmed_after: 'it is not a number of whole days such as "3 days"',
  link_lifetime: 'it is not a duration such as "365 days", up to 10 years',
};

const decode = decoder(Schema.Record(Schema.String, Schema.Struct(fields)), Object.keys(fields), 2);

/** A fault inside of a member is told as one of the member. */
function explain(fault: MemberFault): MemberFault {
  const [, policy, member = ""] = fault.pointer.split("/");
  return Object.hasOwn(SHAPES, member)
    ? { pointer: `/${policy}/${member}`, reason: SHAPES[member as keyof typeof SHAPES] }
    : fault;
}

const membersOf = Struct.renameKeys({
  max_size: "maxSize",
  allowed_types: "allowedTypes",
  put_lifetime: "putLifetime",
  get_lifetime: "getLifetime",
  min_lifetime: "minLifetime",
  write_once: "writeOnce",
  require_checksum: "requireChecksum",
  inline_pdf: "inlinePdf",
  on_mismatch: "deleteMismatch",
  unconfirmed_after: "unconfirmedAfter",
  link_lifetime: "linkLifetime",
} as const);
