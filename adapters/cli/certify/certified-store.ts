import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import { fault, type Read, readSettings } from "../../settings/setting.ts";
import { type Source, withValues } from "../../settings/source.ts";
import type { Examination, Openable } from "../../contract/running/examine.ts";
import { type Ability, lackedBy } from "../../../application/ports/abilities.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { CERTIFIED } from "../../contract/promises/promises.ts";
import type { BucketState } from "../../storage/certificate/certificate.ts";
import { SITE } from "./certificate.ts";
import { leftovers } from "./leftovers.ts";
import { signedFetch } from "../../storage/rest/signed-fetch.ts";
import { certificateSettings } from "../../storage/certificate/read.ts";
import { adapter, bucket, createBucket, endpoint, publicEndpoint } from "../../storage/settings.ts";
import type { KnownStorage, Storage } from "../../storage/storage.ts";
import { inWordsOf, type PlaceWord } from "../../storage/place-words.ts";
import { STORES } from "../../storage/stores/stores.ts";
import { s3Access } from "../command/with-store.ts";
import { quietly, withWarnings } from "../command/store-log.ts";

export interface CertifiedStore extends Pick<
  Examination,
  "store" | "withAbilities" | "decided" | "untrusted"
> {
  /** Such as `MinIO at http://127.0.0.1:9000`. */
  readonly title: string;
  readonly adapter: string;
  /** As `STORAGE_PROVIDER` names it; undefined for adapters of one store. */
  readonly provider?: string | undefined;
  /** The address for the service; left out if the region says so. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly bucket: string;
  readonly place: PlaceWord;
  /** Its known abilities without a certificate. */
  readonly documented: ReadonlyArray<Ability>;
  /** Finds objects that earlier, killed examinations left. */
  readonly leftovers: () => Promise<ReadonlyArray<string>>;
  /** Finds the state of the bucket. */
  readonly look: () => Promise<BucketState>;
  /** Removes the bucket, if it was made for the examination alone. */
  readonly removeBucket?: () => Promise<void>;
}

/**
 * Reads the store that is configured, at another endpoint if `at` is set. Without a bucket, one is
 * made for the examination alone.
 */
export function certifiedStore(source: Source, at?: string): Read<CertifiedStore> {
  // A public endpoint belongs to the endpoint that is configured beside it.
  const elsewhere = at && {
    [endpoint.variable]: at,
    [publicEndpoint.variable]: undefined,
    [adapter.variable]: source.valueOf(adapter) ?? "aws",
  };
  // No earlier certificate counts, and no mistyped bucket is made.
  const given = withValues(source, {
    ...elsewhere,
    [certificateSettings.certificate.variable]: undefined,
    [createBucket.variable]: undefined,
  });
  const isOwnBucket = given.valueOf(bucket) === undefined;
  const own = `valetkey-certify-${crypto.randomUUID().slice(0, 8)}`;
  const known = isOwnBucket ? withValues(given, { [bucket.variable]: own }) : given;
  return Result.flatMap(readSettings({ adapter }, known), ({ adapter: name }) => {
    const read = (from: Source) =>
      Result.map(STORES[name].read(from), (storageAt) => storageAt(NOWHERE));
    return Result.flatMap(read(known), (existing): Read<CertifiedStore> => {
      const { bucket: place } = existing;
      if (place === undefined) {
        return Result.fail([
          fault(
            adapter,
            `must not be ${name}: the embedded store is Valetkey's own. Yours needs what is in ${SITE}/blob/main/docs/stores.md#certify-your-own-store`,
          ),
        ]);
      }
      if (isOwnBucket && place.api !== "s3") {
        return Result.fail([fault(bucket, inWordsOf(place, NEEDS_BUCKET))]);
      }
      const made = isOwnBucket ? withValues(known, { [createBucket.variable]: true }) : known;
      return Result.map(read(made), (storage) => ({
        adapter: name,
        ...certifiedStorage({ ...storage, bucket: place }, existing, isOwnBucket),
      }));
    });
  });
}

const NEEDS_BUCKET = "must be set to a bucket in which objects may be made";

/** Timeout for each look at the bucket itself. */
const LOOK_TIMEOUT = "10 seconds";

/** Stands in for the service's address, which only the embedded store needs. */
const NOWHERE = new URL("http://service.invalid");

/** Statuses by which servers refuse what was not granted. */
const REFUSALS = [400, 401, 403];

/** Makes a store to certify, and the same one without making its bucket. */
function certifiedStorage(
  storage: KnownStorage & Required<Pick<Storage, "bucket">>,
  existing: Storage,
  isOwnBucket: boolean,
): Omit<CertifiedStore, "adapter"> {
  const { certifying, bucket, abilities } = storage;
  const { provider, endpoint, region, origins, decided, withAbilities } = certifying ?? {};
  const { name, word = "bucket" } = bucket;
  const title = storage.description.split(`, ${word} ${name}`)[0]?.replace(/\/$/, "") ?? "";
  const openable = (log: typeof quietly, { abilities, layer }: Storage): Openable => ({
    name: title,
    without: [...lackedBy(abilities), ...(origins ? [] : ["two endpoints" as const])],
    refusals: REFUSALS,
    open: async () => ({ layer: log(layer), bucket: name, ...(origins && { origins }) }),
  });
  const layer = quietly(existing.layer);
  /** Calls the bucket with the main key, in another way than the adapter does. */
  const ask = (request: Parameters<typeof signedFetch>[1]) =>
    s3Access.pipe(
      Effect.flatMap((s3) =>
        s3 === undefined ? Effect.die("no API of S3") : signedFetch(s3, request),
      ),
      Effect.provide(layer),
      Effect.timeout(LOOK_TIMEOUT),
      Effect.runPromise,
    );
  const findVersions = async (): Promise<BucketState["versions"]> => {
    if (isOwnBucket) return "none";
    const request = { method: "GET", query: [["versioning", ""]] } as const;
    const { ok, text } = await ask(request).catch(() => ({ ok: false, text: "" }));
    if (!ok || !text.includes("VersioningConfiguration")) return "unknown";
    if (text.includes("<Status>Enabled</Status>")) return "kept";
    return text.includes("<Status>") ? "suspended" : "none";
  };
  return {
    title,
    provider,
    endpoint: endpoint?.href.replace(/\/$/, ""),
    region,
    bucket: name,
    place: bucket,
    documented: CERTIFIED.filter((ability) => abilities.has(ability)),
    leftovers: async () => (isOwnBucket ? [] : leftovers(layer)),
    look: async () => {
      const rules = isOwnBucket ? { rules: [] } : findRules(layer);
      const [versions, found] = await Promise.all([findVersions(), rules]);
      return { versions, ...found };
    },
    store: openable(withWarnings, storage),
    decided,
    untrusted: storage.untrusted,
    withAbilities: withAbilities && ((proved) => openable(quietly, withAbilities(new Set(proved)))),
    ...(isOwnBucket && {
      removeBucket: async () => {
        const { ok, status } = await ask({ method: "DELETE" });
        if (!ok && status !== 404) throw new Error(`the store answered with ${status}`);
      },
    }),
  };
}

/** Finds the lock and the rules of a bucket, as far as the service's key may read them. */
const findRules = (layer: Storage["layer"]): Promise<Omit<BucketState, "versions">> =>
  ObjectStore.pipe(
    Effect.flatMap(({ rules }) =>
      Effect.all({
        lock: Effect.orElseSucceed(rules?.retention ?? Effect.undefined, () => undefined),
        rules: Effect.orElseSucceed(rules?.effects ?? Effect.succeed([]), () => []),
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
