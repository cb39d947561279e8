import { type Env, type Read, readSettings, type Values } from "../../settings/setting.ts";
import { directory } from "../../settings/directory.ts";
import { bucket } from "../settings.ts";

/** Variables of `STORAGE_ADAPTER=local`. */
export const settings = {
  bucket,
  directory,
};

/** What the adapter is configured with. */
export type LocalSettings = Values<typeof settings>;

/** Reads the variables. */
export const read = (env: Env): Read<LocalSettings> => readSettings(settings, env);
