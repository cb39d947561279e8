import { type Read, readSettings, type Values } from "../../settings/setting.ts";
import type { Source } from "../../settings/source.ts";
import { directory } from "../../settings/directory.ts";
import { bucket } from "../settings.ts";

export const settings = {
  bucket,
  directory,
};

export type LocalSettings = Values<typeof settings>;

export const read = (source: Source): Read<LocalSettings> => readSettings(settings, source);
