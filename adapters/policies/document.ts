import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as SchemaTransformation from "effect/SchemaTransformation";
import { ByteSize } from "../../domain/byte-size.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import {
  AllowedType,
  CallerKind,
  PolicyName,
  type UploadPolicy,
} from "../../domain/upload-policy.ts";
import { type Decoded, decoder, type MemberFault } from "../json/decode.ts";

/** What a policy document says of one policy; a member that is left out stays undefined. */
export type PolicyMembers = {
  readonly [Member in keyof UploadPolicy]?: UploadPolicy[Member] | undefined;
};

/** Reads a policy document: an object of policies by their names. */
export function decodePolicies(document: unknown): Decoded<ReadonlyMap<string, PolicyMembers>> {
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

const NAME = "must be named by 1 to 63 lower-case letters, digits and hyphens";
const isPolicyName = Schema.is(PolicyName);

const UNITS: ReadonlyMap<string, number> = new Map([
  ["B", 1],
  ["KiB", 2 ** 10],
  ["MiB", 2 ** 20],
  ["GiB", 2 ** 30],
]);

const Size = Schema.Union([Schema.Number, Schema.String]).pipe(
  Schema.decodeTo(
    ByteSize,
    SchemaTransformation.transform({
      decode: (value) => {
        if (typeof value === "number") return value;
        const [, count, unit = ""] = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/.exec(value) ?? [];
        return Number(count) * (UNITS.get(unit) ?? Number.NaN);
      },
      encode: (bytes): number | string => bytes,
    }),
  ),
);

const LifetimeText = Schema.DurationFromString.pipe(
  Schema.decodeTo(Lifetime, SchemaTransformation.passthrough()),
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
};

const LIFETIME = 'must be a duration from "1 second" to "7 days"';
const SHAPES: Readonly<Record<keyof typeof fields, string>> = {
  callers: 'must be a list of "user", "service" or both',
  max_size: 'must be a number of bytes, or text such as "200 MiB"',
  allowed_types: "must be a list of media types in lower case, and not empty",
  put_lifetime: LIFETIME,
  get_lifetime: LIFETIME,
  min_lifetime: LIFETIME,
  write_once: "must be true or false",
  strict: "must be true or false",
};

const Policy = Schema.Struct(fields);
const decode = decoder(Schema.Record(Schema.String, Policy), Object.keys(fields));

function explain({ pointer, reason }: MemberFault): MemberFault {
  const [, , member = ""] = pointer.split("/");
  return {
    pointer,
    reason: Object.hasOwn(SHAPES, member) ? SHAPES[member as keyof typeof SHAPES] : reason,
  };
}

const membersOf = (policy: typeof Policy.Type): PolicyMembers => ({
  callers: policy.callers,
  maxSize: policy.max_size,
  allowedTypes: policy.allowed_types,
  putLifetime: policy.put_lifetime,
  getLifetime: policy.get_lifetime,
  minLifetime: policy.min_lifetime,
  writeOnce: policy.write_once,
  strict: policy.strict,
});
