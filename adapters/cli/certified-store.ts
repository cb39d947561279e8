import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import type { StorageKey } from "../../domain/storage-key.ts";
import { fault, type Read, readSettings } from "../settings/setting.ts";
import { type Env, variables } from "../settings/source.ts";
import * as aws from "../storage/aws/settings.ts";
import { awsStorage } from "../storage/aws/storage.ts";
import type { Examination, Openable } from "../storage/contract/examine.ts";
import type { Ability } from "../storage/contract/harness.ts";
import { missingAbilities } from "../storage/contract/missing-abilities.ts";
import { hold } from "../storage/credentials/held.ts";
import { configuredSigner } from "../storage/credentials/key-settings.ts";
import * as gcs from "../storage/gcs/settings.ts";
import { gcsStorage } from "../storage/gcs/storage.ts";
import * as minio from "../storage/minio/settings.ts";
import { minioStorage } from "../storage/minio/storage.ts";
import { type Provider, type ProviderName, PROVIDERS } from "../storage/providers.ts";
import { signedFetch } from "../storage/rest/signed-fetch.ts";
import { bucket, endpoint } from "../storage/settings.ts";
import { PENDING_TAG } from "../storage/signing/binding.ts";
import { bucketAddress } from "../storage/signing/bucket-address.ts";
import type { Storage } from "../storage/storage.ts";
import { adapter } from "./storage.ts";
import { quietly, withWarnings } from "./with-store.ts";

/** A store to certify, with what is needed to examine it. */
export interface CertifiedStore extends Omit<Examination, "onFinding" | "signal" | "mayLeave"> {
  /** Such as `MinIO at http://127.0.0.1:9000`. */
  readonly title: string;
  readonly adapter: string;
  /** As `STORAGE_PROVIDER` names it; undefined for adapters of one store. */
  readonly provider?: ProviderName;
  /** The bucket that is used. */
  readonly bucket: string;
  /** Looks what the bucket does with former versions, and what the store cannot do then. */
  readonly look?: () => Promise<{
    readonly versions: string;
    readonly without: ReadonlyArray<Ability>;
  }>;
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
  const own = { [bucket.variable]: newBucket(), STORAGE_CREATE_BUCKET: "on" };
  const source = variables({ ...given, ...(isOwnBucket && own) });
  return Result.flatMap(readSettings({ adapter }, source), (values) => {
    switch (values.adapter) {
      case "aws":
        return Result.map(aws.read(source), (settings) =>
          s3Store({ adapter: "aws", settings }, isOwnBucket),
        );
      case "minio":
        return Result.map(minio.read(source), (settings) =>
          s3Store({ adapter: "minio", settings }, isOwnBucket),
        );
      case "gcs":
        return isOwnBucket
          ? Result.fail([fault(bucket, "must be set to a bucket in which objects may be made")])
          : Result.map(gcs.read(source), gcsStore);
      case "local":
        return Result.fail([
          fault(adapter, "must be aws, minio or gcs; the embedded store is Valetkey's own"),
        ]);
    }
  });
}

const newBucket = () => `valetkey-certify-${crypto.randomUUID().slice(0, 8)}`;

type Configured =
  | { readonly adapter: "aws"; readonly settings: aws.AwsSettings }
  | { readonly adapter: "minio"; readonly settings: minio.MinioSettings };

/** A store with the API of S3. */
function s3Store(configured: Configured, isOwnBucket: boolean): CertifiedStore {
  const { bucket, provider, endpoint, publicEndpoint, pathStyle } = configured.settings;
  const title = `${PROVIDERS[provider].title} at ${endpoint?.origin ?? configured.settings.region}`;
  const origins =
    pathStyle && endpoint && publicEndpoint && endpoint.origin !== publicEndpoint.origin
      ? { public: publicEndpoint.origin, internal: endpoint.origin }
      : undefined;
  const ask = askOf(configured);
  const openableAs = (provider: ProviderName, log: typeof quietly): Openable => ({
    name: title,
    without: [
      ...missingAbilities(PROVIDERS[provider]),
      // The official presigner signs no forms.
      ...(configured.adapter === "aws" &&
      configured.settings.signer === "sdk" &&
      PROVIDERS[provider].forms
        ? (["forms"] as const)
        : []),
      ...(origins === undefined ? (["two endpoints"] as const) : []),
    ],
    refusals: REFUSALS,
    open: async () => ({
      layer: log(storageAs(configured, provider).layer),
      bucket,
      ...(origins && { origins }),
      isMarked: async (key) => {
        const { text } = await ask({ method: "GET", key: key as StorageKey, query: TAGGING });
        return text.includes(`<Value>${PENDING_TAG.value}</Value>`);
      },
    }),
  });
  const store = openableAs(provider, withWarnings);
  return {
    title,
    adapter: configured.adapter,
    provider,
    bucket,
    look: async () => {
      const versions = isOwnBucket ? "without versions" : await versionsIn(ask);
      const { writeOnce }: Provider = PROVIDERS[provider];
      const isVoid = writeOnce === "without versions" && !HARMLESS.has(versions);
      const { without = [] } = store;
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
}

const TAGGING = [["tagging", ""]] as const;

/** Buckets of which every provider promises what it promises of any. */
const HARMLESS: ReadonlySet<string> = new Set(["without versions", "versions suspended"]);

/** What the bucket does with former versions of an object, in words. */
async function versionsIn(ask: ReturnType<typeof askOf>): Promise<string> {
  const request = { method: "GET", query: [["versioning", ""]] } as const;
  const { ok, text } = await ask(request).catch(() => ({ ok: false, text: "" }));
  if (!ok) return "unknown whether it keeps versions";
  if (text.includes("<Status>Enabled</Status>")) return "with versions";
  return text.includes("<Status>") ? "versions suspended" : "without versions";
}

/**
 * Servers differ in how they refuse what was not granted; all of these say that the client may not.
 */
const REFUSALS = [400, 401, 403];

/** The provider as which every ability is tried. */
const MOST_ABLE: ProviderName = "minio";

const storageAs = ({ adapter, settings }: Configured, provider: ProviderName): Storage =>
  adapter === "aws"
    ? awsStorage({ ...settings, provider })
    : minioStorage({ ...settings, provider });

type Request = Parameters<typeof signedFetch>[1];

/** Asks the bucket in another way than the adapter does, with the main key. */
const askOf = (configured: Configured) => (request: Request) =>
  Effect.runPromise(
    Effect.scoped(Effect.flatMap(bucketOf(configured), (bucket) => signedFetch(bucket, request))),
  );

const bucketOf = Effect.fnUntraced(function* ({ adapter, settings }: Configured) {
  const { bucket, region, pathStyle } = settings;
  const configured = configuredSigner(settings);
  if (adapter === "minio") {
    const { endpoint } = settings;
    const signer = yield* configured ?? Effect.die("a MinIO needs an access key");
    const address = bucketAddress({ endpoint, bucket, pathStyle, signsPath: false });
    return { signer, region, address };
  }
  const { locate, makeClient } = yield* Effect.promise(() => import("../storage/aws/client.ts"));
  const { signerOfChain } = yield* Effect.promise(() => import("../storage/aws/chain.ts"));
  const client = makeClient(settings);
  const { internal: address } = yield* Effect.promise(() => locate(settings, client));
  const signer = yield* configured ?? hold(signerOfChain(() => client.config.credentials));
  return { signer, region, address };
});

/** Google Cloud Storage, whose marks only an API of its own could show. */
function gcsStore(settings: gcs.GcsSettings): CertifiedStore {
  const { bucket, endpoint, signLength } = settings;
  const title = `Google Cloud Storage at ${endpoint.origin}`;
  const without: ReadonlyArray<Ability> = [
    "sha256",
    "pinned downloads",
    "file checksums",
    "marks",
    "two endpoints",
    ...(signLength ? [] : (["exact size by default"] as const)),
  ];
  return {
    title,
    adapter: "gcs",
    bucket,
    store: {
      name: title,
      without,
      refusals: REFUSALS,
      open: async () => ({ layer: withWarnings(gcsStorage(settings).layer), bucket }),
    },
  };
}
