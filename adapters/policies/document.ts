import * as Arr from "effect/Array";
import * as Record from "effect/Record";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as Struct from "effect/Struct";
import { LinkLifetime } from "../../domain/link.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import { OrganizationSlug } from "../../domain/organization.ts";
import {
  AllowedType,
  CallerKind,
  PolicyName,
  type UploadPolicy,
} from "../../domain/upload-policy.ts";
import { type Decoded, decoder, type MemberFault } from "../json/decode.ts";
import { snakeCase } from "../names.ts";
import { DurationText, Parsed, Size } from "../settings/codecs.ts";

/** Where policies are written: in a JSON document, or in options of the package. */
export type Spelling = "document" | "option";

/** What a member of a policy is called there. */
export function nameOf(member: keyof UploadPolicy, spelling: Spelling): string {
  const option = member === "deleteMismatch" ? "onMismatch" : member;
  return spelling === "option" ? option : snakeCase(option);
}

/** Reads an object of policies by their names. */
export const decodePolicies = (
  policies: unknown,
  spelling: Spelling,
): Decoded<ReadonlyMap<string, Partial<UploadPolicy>>> => DECODERS[spelling](policies);

interface Member<A> {
  readonly codec: Schema.ConstraintCodec<A, unknown>;
  /** What is wrong with any other value. */
  readonly reason: string;
}

const LifetimeText = {
  codec: DurationText(Lifetime),
  reason: 'it is not a duration such as "15 minutes", from "1 second" to "7 days"',
};
const TrueOrFalse = { codec: Schema.Boolean, reason: "it is neither true nor false" };

const ON_MISMATCH = new Map([
  ["keep", false],
  ["delete", true],
]);

const MEMBERS: { readonly [M in keyof UploadPolicy]-?: Member<NonNullable<UploadPolicy[M]>> } = {
  callers: {
    codec: Schema.NonEmptyArray(CallerKind),
    reason: 'it is not a list of "user", "service" or both',
  },
  organizations: {
    codec: Schema.NonEmptyArray(OrganizationSlug),
    reason: 'it is not a list of names of organizations such as "acme", with one at least',
  },
  maxSize: {
    codec: Size,
    reason: 'it is neither a number of bytes nor text such as "200 MiB" (B, KiB, MiB, GiB or TiB)',
  },
  allowedTypes: {
    codec: Schema.NonEmptyArray(AllowedType),
    reason: "it is not a list of media types in lower case, with one at least",
  },
  putLifetime: LifetimeText,
  getLifetime: LifetimeText,
  minLifetime: LifetimeText,
  writeOnce: TrueOrFalse,
  strict: TrueOrFalse,
  requireChecksum: TrueOrFalse,
  inlinePdf: TrueOrFalse,
  deleteMismatch: {
    codec: Parsed((text) => ON_MISMATCH.get(text)),
    reason: 'it is neither "keep" nor "delete"',
  },
  unconfirmedAfter: {
    // Whole days, as lifecycle rules count.
    codec: Parsed((text) => {
      const days = Number(/^(\d+) days?$/.exec(text)?.[1]);
      return days >= 1 && days <= 3650 ? days : undefined;
    }),
    reason: 'it is not a number of whole days such as "3 days"',
  },
  linkLifetime: {
    codec: DurationText(LinkLifetime),
    reason: 'it is not a duration such as "365 days", up to 10 years',
  },
};

const NAME = "it is not named by 1 to 63 lower-case letters, digits and hyphens";
const isPolicyName = Schema.is(PolicyName);

const DECODERS = { document: decoderOf("document"), option: decoderOf("option") };

function decoderOf(spelling: Spelling) {
  const members = new Map(
    Struct.keys(MEMBERS).map((name) => [nameOf(name, spelling), { name, ...MEMBERS[name] }]),
  );
  const fields = Record.fromEntries(
    [...members].map(([name, { codec }]) => [name, Schema.optional(codec)]),
  );
  const decode = decoder(
    Schema.Record(Schema.String, Schema.Struct(fields)),
    [...members.keys()],
    2,
  );
  /** A fault inside of a member is told as one of the member. */
  const ofMember = (fault: MemberFault): MemberFault => {
    const [, policy, member = ""] = fault.pointer.split("/");
    const reason = members.get(member)?.reason;
    return reason === undefined ? fault : { pointer: `/${policy}/${member}`, reason };
  };
  const membersOf = (policy: { readonly [name: string]: unknown }): Partial<UploadPolicy> =>
    Object.fromEntries(
      Object.entries(policy)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => [members.get(name)?.name, value]),
    );
  return (document: unknown): Decoded<ReadonlyMap<string, Partial<UploadPolicy>>> =>
    Result.flatMap(Result.mapError(decode(document), Arr.map(ofMember)), (policies) => {
      const misnamed = Object.keys(policies).find((name) => !isPolicyName(name));
      return misnamed === undefined
        ? Result.succeed(new Map(Object.entries(Record.map(policies, membersOf))))
        : Result.fail([{ pointer: `/${misnamed}`, reason: NAME }] as const);
    });
}
