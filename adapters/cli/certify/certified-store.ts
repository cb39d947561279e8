import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import { fault, type Read, readSettings } from "../../settings/setting.ts";
import { type Env, variables } from "../../settings/source.ts";
import * as aws from "../../storage/aws/settings.ts";
import { awsStorage } from "../../storage/aws/storage.ts";
import type { Examination, Openable } from "../../contract/examine.ts";
import { type Ability, missingAbilities } from "../../contract/abilities.ts";
import * as minio from "../../storage/minio/settings.ts";
import { minioStorage } from "../../storage/minio/storage.ts";
import { configuredProvider } from "../../storage/certificate/in-use.ts";
import { type ProviderName, PROVIDERS } from "../../storage/providers.ts";
import { asService } from "../../storage/rest/s3-access.ts";
import { signedFetch } from "../../storage/rest/signed-fetch.ts";
import { bucket, endpoint } from "../../storage/settings.ts";
import type { Storage } from "../../storage/storage.ts";
import { adapter, STORES } from "../../service/storage.ts";
import { s3Access } from "../command/with-store.ts";
import { quietly, withWarnings } from "../../service/store-log.ts";

export interface CertifiedStore extends Pick<Examination, "store" | "able"> {
  /** Such as `MinIO at http://127.0.0.1:9000`. */
  readonly title: string;
  readonly adapter: string;
  /** As `STORAGE_PROVIDER` names it; undefined for adapters of one store. */
  readonly provider?: ProviderName;
  readonly bucket: string;
  /** Finds whether the bucket keeps former versions, and what the store cannot do then. */
  readonly look?: () => Promise<{ versions: string; without: ReadonlyArray<Ability> }>;
  /** Removes the bucket, if it was made for the examination alone. */
  readonly removeBucket?: () => Promise<void>;
}

/**
 * The store that the environment configures, at another endpoint if one is given. Without
 * `STORAGE_BUCKET`, a bucket is made for the examination alone.
 */
export function certifiedStore(environment: Env, at?: string): Read<CertifiedStore> {
  // A public endpoint belongs to the endpoint that is configured beside it.
  const elsewhere = at && {
    [endpoint.variable]: at,
    STORAGE_PUBLIC_ENDPOINT: undefined,
    [adapter.variable]: environment[adapter.variable] || "aws",
  };
  const given: Env = { ...environment, ...elsewhere };
  const isOwnBucket = !given[bucket.variable];
  const own = {
    [bucket.variable]: `valetkey-certify-${crypto.randomUUID().slice(0, 8)}`,
    STORAGE_CREATE_BUCKET: "on",
  };
  const source = variables({ ...given, ...(isOwnBucket && own) });
  return Result.flatMap(readSettings({ adapter }, source), ({ adapter: name }) => {
    switch (name) {
      case "aws":
        return Result.map(aws.read(source), s3Store(name, awsStorage, isOwnBucket));
      case "minio":
        return Result.map(minio.read(source), s3Store(name, minioStorage, isOwnBucket));
      case "local":
        return Result.fail([
          fault(adapter, "must not be local: the embedded store is Valetkey's own"),
        ]);
      default:
        return isOwnBucket
          ? Result.fail([fault(bucket, "must be set to a bucket in which objects may be made")])
          : Result.map(STORES[name].read(source, NOWHERE), otherStore(name));
    }
  });
}

/** Only the embedded store is where the service is. */
const NOWHERE = new URL("http://service.invalid");

/** Servers differ in how they refuse what was not granted; all of these say that the client may not. */
const REFUSALS = [400, 401, 403];

/** The provider as which every ability is tried. */
const MOST_ABLE: ProviderName = "minio";

const s3Store =
  <Settings extends minio.MinioSettings | aws.AwsSettings>(
    adapter: string,
    storage: (settings: Settings) => Storage,
    isOwnBucket: boolean,
  ) =>
  (settings: Settings): CertifiedStore => {
    const { bucket, provider, region, endpoint, publicEndpoint, pathStyle } = settings;
    const title = `${PROVIDERS[provider].title} at ${endpoint?.origin ?? region}`;
    const origins =
      pathStyle && endpoint && publicEndpoint && endpoint.origin !== publicEndpoint.origin
        ? { public: publicEndpoint.origin, internal: endpoint.origin }
        : undefined;
    const missing: ReadonlyArray<Ability> = origins === undefined ? ["two endpoints"] : [];
    /** Asks the bucket in another way than the adapter does, with the main key. */
    const ask = (request: Parameters<typeof signedFetch>[1]) =>
      s3Access.pipe(
        Effect.flatMap((s3) =>
          s3 === undefined ? Effect.die("no API of S3") : signedFetch(asService(s3), request),
        ),
        Effect.provide(quietly(storage({ ...settings, createBucket: false }).layer)),
        Effect.runPromise,
      );
    const openableAs = (provider: ProviderName, log: typeof quietly): Openable => ({
      name: title,
      without: [...missingAbilities(configuredProvider({ ...settings, provider })), ...missing],
      refusals: REFUSALS,
      open: async () => ({
        layer: log(storage({ ...settings, provider }).layer),
        bucket,
        ...(origins && { origins }),
      }),
    });
    const store = openableAs(provider, withWarnings);
    const findVersions = async () => {
      if (isOwnBucket) return "without versions";
      const request = { method: "GET", query: [["versioning", ""]] } as const;
      const { ok, text } = await ask(request).catch(() => ({ ok: false, text: "" }));
      if (!ok) return "unknown whether it keeps versions";
      if (text.includes("<Status>Enabled</Status>")) return "with versions";
      return text.includes("<Status>") ? "versions suspended" : "without versions";
    };
    return {
      title,
      adapter,
      provider,
      bucket,
      look: async () => {
        const versions = await findVersions();
        const { writeOnce } = configuredProvider(settings);
        const keeps = !["without versions", "versions suspended"].includes(versions);
        const { without = [] } = store;
        const isVoid = keeps && writeOnce === "without versions";
        return { versions, without: isVoid ? [...without, "write-once"] : without };
      },
      store,
      able: openableAs(MOST_ABLE, quietly),
      ...(isOwnBucket && {
        removeBucket: async () => {
          const { ok, status } = await ask({ method: "DELETE" });
          if (!ok && status !== 404) throw new Error(`the store answered with ${status}`);
        },
      }),
    };
  };

const otherStore =
  (adapter: string) =>
  ({ description, capabilities, layer, bucket }: Storage): CertifiedStore => {
    const name = bucket?.name ?? "";
    const title = description.replace(`, bucket ${name}`, "");
    const store: Openable = {
      name: title,
      without: [...missingAbilities(capabilities), "two endpoints"],
      refusals: REFUSALS,
      open: async () => ({ layer: withWarnings(layer), bucket: name }),
    };
    return { title, adapter, bucket: name, store };
  };
