import { type ConfiguredStore, loaded } from "../../settings/loaded.ts";
import { S3_CAPABILITIES } from "../providers.ts";
import { LocalStore } from "./local-store.ts";
import type { LocalSettings } from "./settings.ts";

/** Where the embedded store answers, under the service's own address. */
export const PATH = "/store";

/** The embedded store, as it is configured, under the address of the service. */
export const store = (settings: LocalSettings, publicUrl: URL): ConfiguredStore<LocalStore> => ({
  ...S3_CAPABILITIES,
  marks: false,
  versions: false,
  description: `embedded, in the folder ${settings.directory}`,
  layer: loaded(async () =>
    (await import("./layer.ts")).layer(
      settings,
      new URL(`${publicUrl.href.replace(/\/$/, "")}${PATH}`),
    ),
  ),
});
