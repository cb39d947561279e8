import { type Read, readSettings, type Values } from "../../settings/setting.ts";
import type { Source } from "../../settings/source.ts";
import { directory } from "../../settings/directory.ts";
import { bucket } from "../settings.ts";

/** Settings of the embedded store. */
export const settings = {
  bucket,
  directory,
};

/** The configuration of the adapter. */
export type LocalSettings = Values<typeof settings>;

/** Reads the settings. */
export const read = (source: Source): Read<LocalSettings> => readSettings(settings, source);
