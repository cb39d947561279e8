import * as Effect from "effect/Effect";
import * as Record from "effect/Record";
import * as Result from "effect/Result";
import { fault, type Read, readSettings } from "../../settings/setting.ts";
import { type Env, variables } from "../../settings/source.ts";
import * as aws from "../../storage/aws/storage.ts";
import type { Examination, Openable } from "../../contract/running/examine.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { type Ability, CERTIFIED, missingAbilities } from "../../contract/abilities.ts";
import { standsOn } from "../../contract/promises/promises.ts";
import type { BucketState } from "../../storage/certificate/certificate.ts";
import { configuredProvider } from "../../storage/certificate/in-use.ts";
import * as azure from "../../storage/azure/settings.ts";
import { azureStorage } from "../../storage/azure/storage.ts";
import { capabilitiesOf } from "../../storage/certificate/proved.ts";
import * as minio from "../../storage/minio/storage.ts";
import { type Provider, type ProviderName, PROVIDERS } from "../../storage/providers.ts";
import { leftovers } from "./leftovers.ts";
import { asService } from "../../storage/s3/access.ts";
import type { S3Settings } from "../../storage/s3/settings.ts";
import { signedFetch } from "../../storage/rest/signed-fetch.ts";
import { adapter, bucket, endpoint } from "../../storage/settings.ts";
import type { Storage } from "../../storage/storage.ts";
import { inWordsOf } from "../../storage/place-words.ts";
import { STORES } from "../../storage/stores.ts";
import { s3Access } from "../command/with-store.ts";
import { quietly, withWarnings } from "../command/store-log.ts";

export interface CertifiedStore extends Pick<Examination, "store" | "withAbilities" | "decided"> {
  /** Such as `MinIO at http://127.0.0.1:9000`. */
  readonly title: string;
  readonly adapter: string;
  /** As `STORAGE_PROVIDER` names it; undefined for adapters of one store. */
  readonly provider?: ProviderName;
  /** Where the service reaches it; left out if the region says so. */
  readonly endpoint?: string;
  readonly region?: string;
  readonly bucket: string;
  /** What the provider's row says that it can do, without a certificate. */
  readonly documented: ReadonlyArray<Ability>;
  /** Finds what earlier examinations left that were killed. */
  readonly leftovers: () => Promise<ReadonlyArray<string>>;
  /** Finds the state of the bucket. */
  readonly look: () => Promise<BucketState>;
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
  const given: Env = {
    ...environment,
    ...elsewhere,
    // What is certified depends on no earlier certificate, and no mistyped bucket is made.
    STORAGE_CERTIFICATE: undefined,
    STORAGE_CREATE_BUCKET: undefined,
  };
  const isOwnBucket = !given[bucket.variable];
  const own = {
    [bucket.variable]: `valetkey-certify-${crypto.randomUUID().slice(0, 8)}`,
    STORAGE_CREATE_BUCKET: "on",
  };
  const source = variables({ ...given, ...(isOwnBucket && own) });
  return Result.flatMap(readSettings({ adapter }, source), ({ adapter: name }) => {
    switch (name) {
      case "aws":
        return Result.map(aws.readSettings(source), s3Store(name, aws.storage, isOwnBucket));
      case "minio":
        return Result.map(minio.readSettings(source), s3Store(name, minio.storage, isOwnBucket));
      case "local":
        return Result.fail([
          fault(adapter, "must not be local: the embedded store is Valetkey's own"),
        ]);
      default:
        return isOwnBucket
          ? Result.fail([fault(bucket, inWordsOf(name, NEEDS_BUCKET))])
          : name === "azure"
            ? Result.map(azure.read(source), azureStore)
            : Result.map(STORES[name].read(source), (at) => otherStore(name)(at(NOWHERE)));
    }
  });
}

const NEEDS_BUCKET = "must be set to a bucket in which objects may be made";

/** Timeout for each look at the bucket itself. */
const LOOK_TIMEOUT = "10 seconds";

/** Only the embedded store is where the service is. */
const NOWHERE = new URL("http://service.invalid");

/** Servers differ in how they refuse what was not granted; all of these say that the client may not. */
const REFUSALS = [400, 401, 403];

const s3Store =
  (adapter: string, storage: (settings: S3Settings) => Storage, isOwnBucket: boolean) =>
  (settings: S3Settings): CertifiedStore => {
    const { bucket, provider, region, endpoint, publicEndpoint, pathStyle } = settings;
    const row: Provider = PROVIDERS[provider];
    const title = `${row.title} at ${endpoint?.origin ?? region}`;
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
        Effect.timeout(LOOK_TIMEOUT),
        Effect.runPromise,
      );
    const openable = (log: typeof quietly, proved?: ReadonlyArray<Ability>): Openable => {
      const certificate = proved && { proved: capabilitiesOf(proved) };
      return {
        name: title,
        without: [...missingAbilities(configuredProvider({ provider, certificate })), ...missing],
        refusals: REFUSALS,
        open: async () => ({
          layer: log(storage({ ...settings, certificate }).layer),
          bucket,
          ...(origins && { origins }),
        }),
      };
    };
    const findVersions = async (): Promise<BucketState["versions"]> => {
      if (isOwnBucket) return "none";
      const request = { method: "GET", query: [["versioning", ""]] } as const;
      const { ok, text } = await ask(request).catch(() => ({ ok: false, text: "" }));
      if (!ok || !text.includes("VersioningConfiguration")) return "unknown";
      if (text.includes("<Status>Enabled</Status>")) return "kept";
      return text.includes("<Status>") ? "suspended" : "none";
    };
    const withoutLog = quietly(storage({ ...settings, createBucket: false }).layer);
    return {
      title,
      adapter,
      provider,
      bucket,
      region,
      ...(endpoint && { endpoint: endpoint.href.replace(/\/$/, "") }),
      documented: CERTIFIED.filter((ability) => !missingAbilities(row).includes(ability)),
      leftovers: async () => (isOwnBucket ? [] : leftovers(withoutLog)),
      look: async () => {
        const rules = isOwnBucket ? { rules: [] } : findRules(withoutLog);
        const [versions, found] = await Promise.all([findVersions(), rules]);
        return { versions, ...found };
      },
      store: openable(withWarnings),
      withAbilities: (abilities) => openable(quietly, abilities),
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
    const title = description.replace(`, bucket ${name}`, "").replace(`, container ${name}`, "");
    const store: Openable = {
      name: title,
      without: [...missingAbilities(capabilities), "two endpoints"],
      refusals: REFUSALS,
      open: async () => ({ layer: withWarnings(layer), bucket: name }),
    };
    const lacks = missingAbilities(capabilities);
    return {
      title,
      adapter,
      bucket: name,
      documented: CERTIFIED.filter((ability) => !lacks.includes(ability)),
      leftovers: () => leftovers(quietly(layer)),
      look: async () => ({ versions: "unknown", ...(await findRules(quietly(layer))) }),
      store,
    };
  };

/** An identity may sign for more than is known, and a PUT be written once by more than is known. */
const azureStore = (settings: azure.AzureSettings): CertifiedStore => {
  const certified = (bound: azure.AzureSettings["bound"]) =>
    otherStore("azure")(azureStorage({ ...settings, bound }));
  const { bound } = standsOn;
  return {
    ...certified([]),
    endpoint: settings.endpoint.href.replace(/\/$/, ""),
    decided: settings.key ? Record.filter(bound, (_, name) => name === "write-once") : bound,
    withAbilities: (abilities) => certified(abilities).store,
  };
};

/** The lock and the rules of a bucket, as far as the service's key may read them. */
const findRules = (layer: Storage["layer"]): Promise<Omit<BucketState, "versions">> =>
  ObjectStore.pipe(
    Effect.flatMap(({ lifecycle }) =>
      Effect.all({
        lock: Effect.orElseSucceed(lifecycle?.retention ?? Effect.undefined, () => undefined),
        rules: Effect.orElseSucceed(lifecycle?.effects ?? Effect.succeed([]), () => []),
      }),
    ),
    Effect.map(({ lock, rules }) => ({
      ...(lock !== undefined && { lock }),
      rules: rules.map(({ effect }) => effect),
    })),
    Effect.provide(layer),
    Effect.timeout(LOOK_TIMEOUT),
    Effect.orElseSucceed(() => ({ rules: [] })),
    Effect.runPromise,
  );
