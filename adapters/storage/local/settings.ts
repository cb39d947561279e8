import { type Env, type Read, readSettings, type Values } from "../../settings/setting.ts";
import * as storage from "../../settings/storage.ts";

/** Variables of `STORAGE_ADAPTER=local`. */
export const settings = {
  bucket: storage.bucket,
  directory: storage.directory,
};

/** What the adapter is configured with. */
export type LocalSettings = Values<typeof settings>;

/** Reads the variables. */
export const read = (env: Env): Read<LocalSettings> => readSettings(settings, env);
