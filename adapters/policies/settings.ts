import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as SchemaTransformation from "effect/SchemaTransformation";
import { mebibytes } from "../../domain/byte-size.ts";
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
      return Result.map(readDocument(document, limits), (policies) => {
        const base = { ...files, ...policies.get(DEFAULT_POLICY) };
        const others = [...policies].map(
          ([name, members]) => [name, { ...base, ...members }] as const,
        );
        return new Map([[DEFAULT_POLICY, base], ...others]);
      });
    },
  );

const faultOf = (problem: string) => fault(settings.document, `cannot be used: ${problem}`);

const ONE_PUT = "a single PUT to this store carries no more";

function readDocument(
  document: string,
  limits: StoreLimits,
): Read<ReadonlyMap<string, Partial<UploadPolicy>>> {
  const isInline = document.trimStart().startsWith("{");
  const where = isInline ? "its value" : `the file ${document}`;
  const parsed = isInline ? parseJson(document) : readJsonFile(document);
  if (Result.isFailure(parsed)) return Result.fail([faultOf(`${where} ${parsed.failure}`)]);
  const inWords = ({ pointer, reason }: MemberFault) =>
    faultOf(`in ${where}, ${pointer || "the whole"}: ${reason}`);
  return Result.flatMap(
    Result.mapError(decodePolicies(parsed.success), (faults) => faults.map(inWords)),
    (policies) => {
      const faults = [...policies].flatMap(([name, policy]) => beyond(name, policy, limits));
      return faults.length === 0 ? Result.succeed(policies) : Result.fail(faults.map(inWords));
    },
  );
}

/** What of a policy the chosen store cannot keep. */
function beyond(
  name: string,
  { maxSize, writeOnce, requireChecksum }: Partial<UploadPolicy>,
  limits: StoreLimits,
): ReadonlyArray<MemberFault> {
  const faults: Array<MemberFault> = [];
  if (maxSize !== undefined && maxSize > limits.largestPut) {
    const reason = `it is more than ${limits.largestPut} bytes: ${ONE_PUT}`;
    faults.push({ pointer: `/${name}/max_size`, reason });
  }
  if (writeOnce === true && !limits.writeOnce) {
    const reason = "it is true, and this store cannot enforce it";
    faults.push({ pointer: `/${name}/write_once`, reason });
  }
  if (requireChecksum === true && limits.checksums.length === 0) {
    const reason = "it is true, and this store verifies none";
    faults.push({ pointer: `/${name}/require_checksum`, reason });
  }
  return faults;
}
