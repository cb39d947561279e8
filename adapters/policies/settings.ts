import * as Schema from "effect/Schema";
import * as SchemaTransformation from "effect/SchemaTransformation";
import { mebibytes } from "../../domain/byte-size.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import { AllowedType, defaultPolicy } from "../../domain/upload-policy.ts";
import { CommaSeparated } from "../settings/codecs.ts";
import { type Env, type Read, readSettings, setting, withDefault } from "../settings/setting.ts";
import * as Result from "effect/Result";
import type { UploadPolicy } from "../../domain/upload-policy.ts";

/** The largest object that a single PUT can make on S3, in MiB. */
const LARGEST_PUT = 5 * 1024;

const Mebibytes = Schema.FiniteFromString.check(
  Schema.makeFilter<number>(
    (mib) => mib > 0 && mib <= LARGEST_PUT && Number.isInteger(mib * 2 ** 20),
  ),
);

const lifetime = (name: string, example: string) =>
  setting(name, {
    codec: Schema.DurationFromString.pipe(
      Schema.decodeTo(Lifetime, SchemaTransformation.passthrough()),
    ),
    shape: "a duration from 1 second to 7 days",
    example,
  });

/** Variables of the policy that applies to every upload. */
export const settings = {
  maxSize: withDefault(
    setting("STORAGE_MAX_FILE_SIZE", {
      codec: Mebibytes,
      shape: `a number of MiB, up to ${LARGEST_PUT}`,
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
};

/** Reads the policy. */
export const read = (env: Env): Read<UploadPolicy> =>
  Result.map(readSettings(settings, env), ({ maxSize, ...values }) => ({
    ...defaultPolicy,
    ...values,
    maxSize: mebibytes(maxSize),
  }));
