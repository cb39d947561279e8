import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as SchemaTransformation from "effect/SchemaTransformation";
import type { StoreCapabilities } from "../../application/ports/store-capabilities.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import {
  AllowedType,
  DEFAULT_POLICY,
  defaultPolicy,
  type UploadPolicy,
} from "../../domain/upload-policy.ts";
import { type Decoded, shownPointer } from "../settings/decode.ts";
import { parseJson, readJsonFile } from "../settings/json-file.ts";
import { CommaSeparated, Size } from "../settings/codecs.ts";
import {
  type Env,
  fault,
  optional,
  type Read,
  readSettings,
  setting,
  withDefault,
} from "../settings/setting.ts";
import { ONE_PUT, policiesOf } from "./complete.ts";

/** Whether a size has no unit, as sizes in MiB once had none in the environment. */
export const isWithoutUnit = (size: string): boolean => /^[\d.]+$/.test(size);

const SizeInEnvironment = Schema.String.pipe(
  Schema.decodeTo(
    Size,
    SchemaTransformation.transform({
      decode: (text): string | number => (isWithoutUnit(text) ? `${text} MiB` : text),
      encode: String,
    }),
  ),
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
      codec: SizeInEnvironment,
      shape: "a size above 0 with its unit: B, KiB, MiB, GiB or TiB",
      example: "10 MiB",
    }),
    defaultPolicy.maxSize,
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
export const read = (env: Env, store: StoreCapabilities): Read<ReadonlyMap<string, UploadPolicy>> =>
  Result.flatMap(
    readSettings(settings, env, ({ maxSize = 0 }) =>
      maxSize > store.largestPut
        ? [
            fault(
              settings.maxSize,
              `must be at most ${Math.floor(store.largestPut / 2 ** 20)} MiB: ${ONE_PUT}`,
            ),
          ]
        : [],
    ),
    ({ document, ...values }) => {
      const files: UploadPolicy = { ...defaultPolicy, ...values };
      if (document === undefined) return Result.succeed(new Map([[DEFAULT_POLICY, files]]));
      return readDocument(document, (policies) => policiesOf(policies, files, store));
    },
  );

const faultOf = (problem: string) => fault(settings.document, `cannot be used: ${problem}`);

function readDocument<A>(document: string, decode: (json: unknown) => Decoded<A>): Read<A> {
  const isInline = document.trimStart().startsWith("{");
  const where = isInline ? "its value" : `the file ${document}`;
  const parsed = isInline ? parseJson(document) : readJsonFile(document);
  if (Result.isFailure(parsed)) return Result.fail([faultOf(`${where} ${parsed.failure}`)]);
  return Result.mapError(decode(parsed.success), (faults) =>
    faults.map(({ pointer, reason }) =>
      faultOf(`in ${where}, ${shownPointer(pointer)}: ${reason}`),
    ),
  );
}
