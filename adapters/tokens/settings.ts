import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { readJsonFile } from "../settings/json-file.ts";
import { CommaSeparated } from "../settings/codecs.ts";
import { directory } from "../settings/directory.ts";
import {
  type Env,
  type Fault,
  fault,
  optional,
  type Read,
  readSettings,
  setting,
} from "../settings/setting.ts";
import { decodeDenied, type DeniedLinks, LinkEnd } from "./denied-links.ts";
import { type TokenKey, weaknessOf } from "./tokens.ts";

const IdAndKey = Schema.String.check(
  Schema.makeFilter<string>((text) => {
    const [, base64 = ""] = /^[a-z0-9-]{1,32}:([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
    const bytes = Buffer.from(base64, "base64");
    return bytes.length >= 32 && bytes.toString("base64") === base64;
  }),
);

/** Variables of the keys that seal tokens. */
export const settings = {
  keys: optional(
    setting("RECEIPT_KEYS", {
      codec: Schema.RedactedFromValue(CommaSeparated(IdAndKey)),
      shape: "pairs of id:key, separated by commas; keys of 32 bytes or more in base64",
      example: "2026:$(openssl rand -base64 32)",
    }),
  ),
  denied: optional(
    setting("LINKS_DENIED", {
      codec: Schema.Union([Schema.String.check(Schema.isPattern(/\//)), CommaSeparated(LinkEnd)]),
      shape:
        "what follows the last dot of links that are taken back, separated by commas, or the path of a JSON file with a list of them",
      example: "q2Zb0m5P6a3iSx1cR8wNf4uT7yLhVkJdEoGzXpQrAbC",
    }),
  ),
  directory,
};

/** What the adapter is configured with. */
export interface TokenSettings {
  /** The first seals, and all open. */
  readonly keys?: readonly [TokenKey, ...Array<TokenKey>] | undefined;
  readonly denied: DeniedLinks;
  /** Where a key is kept that is made up because none is configured. */
  readonly directory: string;
}

/** Reads the variables. */
export const read = (env: Env): Read<TokenSettings> =>
  Result.flatMap(
    readSettings(settings, env, ({ keys }) => faultsOf(keys)),
    ({ keys, directory, ...values }) =>
      Result.map(deniedBy(values.denied), (denied): TokenSettings => {
        if (keys === undefined) return { denied, directory };
        const [first, ...others] = Redacted.value(keys);
        return { keys: [parse(first), ...others.map(parse)], denied, directory };
      }),
  );

/** The links of a list, or of a file, which has to be there at the start. */
function deniedBy(value: string | ReadonlyArray<string> = []): Read<DeniedLinks> {
  if (typeof value !== "string") return Result.succeed({ ends: new Set(value) });
  return Result.mapBoth(Result.flatMap(readJsonFile(value), decodeDenied), {
    onSuccess: (ends) => ({ ends, path: value }),
    onFailure: (problem) => [fault(settings.denied, `names a file that ${problem}`)],
  });
}

function parse(text: string): TokenKey {
  const [id = "", base64 = ""] = text.split(":");
  return { id, secret: Buffer.from(base64, "base64") };
}

function faultsOf(
  texts: Redacted.Redacted<ReadonlyArray<string>> | undefined,
): ReadonlyArray<Fault> {
  const keys = texts === undefined ? [] : Redacted.value(texts).map(parse);
  // With one id for two keys, what one seals would be opened with the other.
  if (new Set(keys.map(({ id }) => id)).size < keys.length) {
    return [fault(settings.keys, "must have another id for each key")];
  }
  return keys.some(({ secret }) => weaknessOf(secret) !== undefined)
    ? [
        fault(
          settings.keys,
          "must have random keys; one of them repeats itself, and can be guessed",
        ),
      ]
    : [];
}
