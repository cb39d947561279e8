import * as Result from "effect/Result";
import type { Source } from "../../settings/source.ts";
import { DECIDED } from "../certificate/proved.ts";
import { configuredProvider } from "./provider.ts";
import { untrustedIn } from "../untrusted.ts";
import { type KnownStorage, loaded, type Storage, type Store } from "../storage.ts";
import { readS3, type S3Settings, type S3Source } from "./settings.ts";

/** Makes the store of S3's API with keys and a bucket from this source. */
export function s3Store<Settings extends S3Source["settings"]>(
  source: S3Source<Settings> & {
    readonly sourceFrom?: (source: Source) => Source;
    readonly load: () => Promise<{ readonly layer: (settings: S3Settings) => Storage["layer"] }>;
  },
) {
  const { settings, sourceFrom = (source) => source, load } = source;
  const readSettings = (from: Source) => readS3(source, sourceFrom(from));
  const storage = (settings: S3Settings): KnownStorage => {
    const { bucket, provider, region, endpoint, certificate: { facts } = {} } = settings;
    const { title, abilities, limits, unproved } = configuredProvider(settings);
    const certified = facts === undefined ? "" : `, certified on ${facts.date}`;
    return {
      description: `${title} at ${endpoint?.href ?? region}, bucket ${bucket}${certified}`,
      abilities,
      limits,
      unproved,
      bucket: { api: "s3", name: bucket },
      untrusted: untrustedIn(settings),
      notificationForm: () => import("./notification-form.ts"),
      byHand: async () => (await import("./by-hand.ts")).s3ByHand(settings),
      certifying: {
        provider,
        endpoint,
        region,
        origins: originsOf(settings),
        decided: DECIDED.s3,
        withAbilities: (abilities) => storage({ ...settings, certificate: { abilities } }),
      },
      layer: loaded(async () => (await load()).layer(settings)),
    };
  };
  const read: Store["read"] = (from) =>
    Result.map(readSettings(from), (settings) => () => storage(settings));
  return { settings, readSettings, read, storage };
}

const originsOf = ({ endpoint, publicEndpoint, pathStyle }: S3Settings) =>
  pathStyle && endpoint && publicEndpoint && endpoint.origin !== publicEndpoint.origin
    ? { public: publicEndpoint.origin, internal: endpoint.origin }
    : undefined;
