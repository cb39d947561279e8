import * as Schema from "effect/Schema";
import {
  type Env,
  type Read,
  readSettings,
  setting,
  type Values,
  withDefault,
} from "../settings/setting.ts";
import * as storage from "../settings/storage.ts";

/** Variables of `STORAGE_ADAPTER=local`. */
export const settings = {
  bucket: storage.bucket,
  directory: withDefault(
    setting("STORAGE_LOCAL_DIR", {
      codec: Schema.NonEmptyString,
      shape: "a folder that this service alone writes to",
      example: ".valetkey",
    }),
    ".valetkey",
  ),
};

/** What the adapter is configured with. */
export type LocalSettings = Values<typeof settings>;

/** Reads the variables. */
export const read = (env: Env): Read<LocalSettings> => readSettings(settings, env);
