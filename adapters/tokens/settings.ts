import * as Arr from "effect/Array";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { directory } from "../settings/directory.ts";
import { List, Pair, Parsed } from "../settings/codecs.ts";
import { fault, optional, readSettings } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import { findWeakness } from "./tokens.ts";

const KeyId = Schema.String.check(Schema.isPattern(/^[a-z0-9-]{1,32}$/));
const Key = Parsed((base64) => {
  const bytes = Buffer.from(base64, "base64");
  return bytes.length >= 32 && bytes.toString("base64") === base64 ? bytes : undefined;
});

export const settings = {
  keys: optional({
    variable: "RECEIPT_KEYS",
    option: "receiptKeys",
    meaning:
      "Keys that seal receipts and links: the first seals, all open. Required outside `AUTH=dev`.",
    otherwise: "`AUTH=dev`: made once and kept in `STORAGE_LOCAL_DIR`",
    codec: Schema.RedactedFromValue(List(Pair(":", KeyId, Key))),
    shape: ({ list }) => `pairs of id:key, ${list}; keys of 32 bytes or more in base64`,
    example: "2026:$(openssl rand -base64 32)",
  }),
  directory,
};

export const read = (source: Source) =>
  Result.map(
    readSettings(settings, source, ({ keys }) => (keys ? keyFaults(Redacted.value(keys)) : [])),
    ({ keys, directory }) => ({
      keys: keys && Arr.map(Redacted.value(keys), ([id, secret]) => ({ id, secret })),
      directory,
    }),
  );

export type TokenSettings = Result.Result.Success<ReturnType<typeof read>>;

const keyFaults = (keys: ReadonlyArray<readonly [id: string, secret: Uint8Array]>) => [
  // With one id for two keys, tokens of one would be opened with the other.
  new Map(keys).size < keys.length && fault(settings.keys, "must have another id for each key"),
  keys.some(([, secret]) => findWeakness(secret) !== undefined) &&
    fault(settings.keys, "must have random keys; one of them repeats itself, and can be guessed"),
];
