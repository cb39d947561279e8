import * as Arr from "effect/Array";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { sizeInWords, SizeText, type WrittenSize } from "../../../domain/byte-size.ts";
import { Lifetime, lifetimeText } from "../../../domain/lifetime.ts";
import {
  AllowedType,
  DEFAULT_POLICY,
  defaultPolicy,
  type UploadPolicy,
} from "../../../domain/upload-policy.ts";
import { inWords, shownPointer } from "../../values/decode.ts";
import { readDocument } from "../../settings/json-file.ts";
import { decodeOnly, List } from "../../settings/codecs.ts";
import { fault, optional, type Read, readSettings, withDefault } from "../../settings/setting.ts";
import type { Source } from "../../settings/source.ts";
import { completePolicies, type PolicyStore, sizeLimit } from "./document.ts";

/** Returns true for a size without unit, which is in MiB in the environment. */
export const isWithoutUnit = (size: string): boolean => /^[\d.]+$/.test(size);

const LIFETIME = {
  codec: lifetimeText(Lifetime),
  shape: "a duration such as 15 minutes, from 1 second to 7 days",
};

export const settings = {
  maxSize: withDefault(defaultPolicy.maxSize, {
    variable: "STORAGE_MAX_FILE_SIZE",
    option: "policy.maxSize",
    meaning: "The largest file.",
    otherwise: "`10 MiB`",
    codec: Schema.String.pipe(
      Schema.decodeTo(
        SizeText,
        decodeOnly((text) => (isWithoutUnit(text) ? `${text} MiB` : text) as WrittenSize),
      ),
    ),
    shape:
      "a size above 0 with its unit: B, KiB, MiB, GiB or TiB (kB, MB, GB or TB in powers of ten)",
    example: "10 MiB",
  }),
  allowedTypes: withDefault(defaultPolicy.allowedTypes, {
    variable: "STORAGE_ALLOWED_TYPES",
    option: "policy.allowedTypes",
    meaning: "What may be uploaded; `image/*` is understood, and includes SVG.",
    otherwise: "PNG, JPEG, GIF, WebP, AVIF, PDF, plain text",
    codec: List(AllowedType),
    shape: ({ list }) => `media types in lower case, ${list}`,
    example: "image/*,application/pdf",
  }),
  putLifetime: withDefault(defaultPolicy.putLifetime, {
    ...LIFETIME,
    variable: "STORAGE_PUT_TTL",
    option: "policy.putLifetime",
    meaning: "How long upload URLs work.",
    otherwise: "`15 minutes`",
    example: "15 minutes",
  }),
  getLifetime: withDefault(defaultPolicy.getLifetime, {
    ...LIFETIME,
    variable: "STORAGE_GET_TTL",
    option: "policy.getLifetime",
    meaning: "How long download URLs work.",
    otherwise: "`24 hours`",
    example: "24 hours",
  }),
  document: optional({
    variable: "STORAGE_POLICIES",
    option: "policies",
    meaning: "Further policies: see [policies](policies.md).",
    otherwise: "`files` alone",
    codec: Schema.NonEmptyString,
    shape: "a JSON object of policies by their names, or the path of a file with one",
    example: "deploy/policies.json",
  }),
};

export const read = (
  source: Source,
  store: PolicyStore,
  hasClamd = false,
): Read<ReadonlyMap<string, UploadPolicy>> =>
  Result.flatMap(
    readSettings(settings, source, ({ maxSize = 0 }) => {
      const limit = sizeLimit(maxSize, store);
      const most = sizeInWords(limit?.most ?? 0);
      return limit ? [fault(settings.maxSize, `must be at most ${most}: ${limit.why}`)] : [];
    }),
    ({ document, ...values }) => {
      const files: UploadPolicy = { ...defaultPolicy, ...values };
      if (document === undefined) return Result.succeed(new Map([[DEFAULT_POLICY, files]]));
      const { where, json } = readDocument(document);
      return json.pipe(
        Result.mapError((problem) => [unusable(`${where} ${problem}`)]),
        Result.flatMap((policies) =>
          Result.mapError(
            completePolicies(policies, { files, store, spelling: "document", hasClamd }),
            Arr.map(({ pointer, reason }) =>
              unusable(`in ${where}, ${shownPointer(pointer)}: ${reason}`),
            ),
          ),
        ),
      );
    },
  );

/** Returns the file of policies and a reader of its JSON; undefined if no file has them. */
export const fileOf = (source: Source, store: PolicyStore, hasClamd: boolean) =>
  Result.map(readSettings(settings, source), ({ document: path, ...values }) => {
    if (path === undefined || readDocument(path).path === undefined) return undefined;
    const files: UploadPolicy = { ...defaultPolicy, ...values };
    const place = { files, store, spelling: "document", hasClamd } as const;
    return {
      path,
      decode: (json: unknown) => Result.mapError(completePolicies(json, place), inWords),
    };
  }).pipe(Result.getOrUndefined);

const unusable = (problem: string) => fault(settings.document, `cannot be used: ${problem}`);
