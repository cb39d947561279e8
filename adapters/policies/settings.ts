import * as Duration from "effect/Duration";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as SchemaTransformation from "effect/SchemaTransformation";
import { mebibytes } from "../../domain/byte-size.ts";
import { CONFIRM_GRACE } from "../../domain/receipt.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import {
  AllowedType,
  DEFAULT_POLICY,
  defaultPolicy,
  type UploadPolicy,
} from "../../domain/upload-policy.ts";
import type { MemberFault } from "../json/decode.ts";
import { parseJson, readJsonFile } from "../json/parse.ts";
import { CommaSeparated } from "../settings/codecs.ts";
import {
  type Env,
  type Fault,
  fault,
  optional,
  type Read,
  readSettings,
  setting,
  withDefault,
} from "../settings/setting.ts";
import type { StoreLimits } from "../settings/storage.ts";
import { decodePolicies } from "./document.ts";

const Mebibytes = Schema.FiniteFromString.check(
  Schema.makeFilter<number>((mib) => mib > 0 && Number.isSafeInteger(mib * 2 ** 20)),
);

const lifetime = (name: string, example: string) =>
  setting(name, {
    codec: Schema.DurationFromString.pipe(
      Schema.decodeTo(Lifetime, SchemaTransformation.passthrough()),
    ),
    shape: "a duration such as 15 minutes, from 1 second to 7 days",
    example,
  });

/** Variables of the policy `files`, and of the document that may change it and add others. */
export const settings = {
  maxSize: withDefault(
    setting("STORAGE_MAX_FILE_SIZE", {
      codec: Mebibytes,
      shape: "a number of MiB above 0, without a unit",
      example: "10",
    }),
    10,
  ),
  allowedTypes: withDefault(
    setting("STORAGE_ALLOWED_TYPES", {
      codec: CommaSeparated(AllowedType),
      shape: "media types in lower case, separated by commas",
      example: "image/*,application/pdf",
    }),
    defaultPolicy.allowedTypes,
  ),
  putLifetime: withDefault(lifetime("STORAGE_PUT_TTL", "15 minutes"), defaultPolicy.putLifetime),
  getLifetime: withDefault(lifetime("STORAGE_GET_TTL", "24 hours"), defaultPolicy.getLifetime),
  document: optional(
    setting("STORAGE_POLICIES", {
      codec: Schema.NonEmptyString,
      shape: "a JSON object of policies by their names, or the path of a file with one",
      example: "deploy/policies.json",
    }),
  ),
};

/** Reads the policies, and refuses those that the chosen store cannot keep. */
export const read = (env: Env, limits: StoreLimits): Read<ReadonlyMap<string, UploadPolicy>> =>
  Result.flatMap(
    readSettings(settings, env, ({ maxSize = 0 }) =>
      maxSize * 2 ** 20 > limits.largestPut
        ? [
            fault(
              settings.maxSize,
              `must be at most ${Math.floor(limits.largestPut / 2 ** 20)} (MiB): ${ONE_PUT}`,
            ),
          ]
        : [],
    ),
    ({ document, maxSize, ...values }) => {
      const files: UploadPolicy = { ...defaultPolicy, ...values, maxSize: mebibytes(maxSize) };
      if (document === undefined) return Result.succeed(new Map([[DEFAULT_POLICY, files]]));
      return Result.flatMap(readDocument(document), ({ policies, inWords }) => {
        const base = { ...files, ...policies.get(DEFAULT_POLICY) };
        const complete = new Map([
          [DEFAULT_POLICY, base],
          ...[...policies].map(([name, members]) => [name, { ...base, ...members }] as const),
        ]);
        const faults = [...complete].flatMap(([name, policy]) => beyond(policy, limits, name));
        return faults.length === 0 ? Result.succeed(complete) : Result.fail(faults.map(inWords));
      });
    },
  );

const faultOf = (problem: string) => fault(settings.document, `cannot be used: ${problem}`);

const ONE_PUT = "a single PUT to this store carries no more";

function readDocument(document: string): Read<{
  readonly policies: ReadonlyMap<string, Partial<UploadPolicy>>;
  readonly inWords: (fault: MemberFault) => Fault;
}> {
  const isInline = document.trimStart().startsWith("{");
  const where = isInline ? "its value" : `the file ${document}`;
  const parsed = isInline ? parseJson(document) : readJsonFile(document);
  if (Result.isFailure(parsed)) return Result.fail([faultOf(`${where} ${parsed.failure}`)]);
  const inWords = ({ pointer, reason }: MemberFault) =>
    faultOf(`in ${where}, ${pointer || "the whole"}: ${reason}`);
  return Result.mapBoth(decodePolicies(parsed.success), {
    onSuccess: (policies) => ({ policies, inWords }),
    onFailure: (faults) => faults.map(inWords),
  });
}

const DAY = 24 * 60 * 60;

/** What of a policy the chosen store, or the policy itself, cannot keep. */
function beyond(
  policy: UploadPolicy,
  limits: StoreLimits,
  name: string,
): ReadonlyArray<MemberFault> {
  const { maxSize, writeOnce, requireChecksum, unconfirmedAfter } = policy;
  const latest = Duration.toSeconds(Duration.sum(policy.putLifetime, CONFIRM_GRACE));
  const faults: ReadonlyArray<readonly [boolean, string, string]> = [
    [
      maxSize > limits.largestPut,
      "max_size",
      `it is more than ${limits.largestPut} bytes: ${ONE_PUT}`,
    ],
    [writeOnce && !limits.writeOnce, "write_once", "it is true, and this store cannot enforce it"],
    [
      requireChecksum && limits.checksums.length === 0,
      "require_checksum",
      "it is true, and this store verifies none",
    ],
    [
      policy.deleteMismatch && !limits.marks,
      "on_mismatch",
      "it is delete, and this store cannot remove exactly what was looked at",
    ],
    [
      unconfirmedAfter !== undefined && !limits.marks,
      "unconfirmed_after",
      "it is set, and this store cannot mark uploads and remove what stays marked",
    ],
    [
      unconfirmedAfter !== undefined && !writeOnce,
      "unconfirmed_after",
      "it is set, and needs write_once: a second PUT would mark a confirmed file again",
    ],
    [
      unconfirmedAfter !== undefined && unconfirmedAfter * DAY <= latest,
      "unconfirmed_after",
      "it is not longer than an upload can take, with the day in which it can be confirmed",
    ],
  ];
  return faults.flatMap(([isFault, member, reason]) =>
    isFault ? [{ pointer: `/${name}/${member}`, reason }] : [],
  );
}
