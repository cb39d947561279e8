import * as Result from "effect/Result";
import { neededBy } from "../../values/needed-by.ts";
import { s3Storage } from "../s3/storage.ts";
import type { KnownStorage, Store } from "../storage.ts";
import { type AwsSettings, read as readSettings } from "./settings.ts";

export { settings } from "./settings.ts";

export const read: Store["read"] = (source) =>
  Result.map(readSettings(source), (settings) => () => awsStorage(settings));

export const awsStorage = (settings: AwsSettings): KnownStorage =>
  s3Storage(settings, settings.endpoint?.href ?? settings.region, async () => {
    const { layer } = await import("./layer.ts").catch(
      neededBy("the store aws", "@aws-sdk/client-s3"),
    );
    return layer(settings);
  });
