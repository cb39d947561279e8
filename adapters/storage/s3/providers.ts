import { abilitiesWithout, type StoreLimits } from "../../../application/ports/abilities.ts";
import { certifiedAs, type CertifiedServer } from "../certificate/proved.ts";
import { type Known, S3_LIMITS } from "../known.ts";
import type { AbsentHeaders } from "../signing/sign-query.ts";

export interface Provider extends Known, Partial<Pick<CertifiedServer, "certified">> {
  readonly title: string;
  readonly limits: StoreLimits;
  /** As in `Parts`. */
  readonly abandoned?: string;
  /** With a region and an account; undefined if everyone has their own, or the client knows it. */
  readonly endpoint?: string;
  /** If none is configured; if undefined, one has to be configured. */
  readonly region?: string | undefined;
  readonly regionExample?: string;
  /** True if the default is `https://host/bucket/key`. */
  readonly pathStyle: boolean;
  /** Rules of the bucket, or a setting of the server. */
  readonly cors: "bucket" | "server";
  /** With unsigned `x-amz-*` headers of a PUT; ACLs say who may read the object. */
  readonly unsigned: "refused" | "obeyed" | "obeyed, with ACLs";
  /**
   * How a key is made that may only put, without which an upload can be a copy of whatever its key
   * reads: the signature cannot forbid that.
   */
  readonly needsPutKey?: string;
  /** In bytes; an upload of up to this is copied as an object, since the store copies no small part. */
  readonly largestCopy?: number;
  /** The headers that a signature can forbid, of those that it would obey. */
  readonly absent?: AbsentHeaders & {
    /**
     * A policy can deny these too. In the query, as MinIO needs them, the policy would deny every
     * PUT, so they are forbidden only to a key that is for everything.
     */
    readonly deniable?: AbsentHeaders["names"];
  };
}

/** The smaller meaning of 5 GB. */
const FIVE_GB = { ...S3_LIMITS, largestPut: 5_000_000_000 };

const S3 = {
  region: "us-east-1",
  pathStyle: true,
  cors: "bucket",
  unsigned: "refused",
  limits: S3_LIMITS,
} as const satisfies Partial<Provider>;

/**
 * What is known of no server without a certificate. A promise that a wrong page would break silently
 * counts as missing; with parts that do not work, an upload fails.
 */
const UNPROVED = [
  "sha256",
  "crc32c",
  "write-once",
  "part sha256",
  "part crc32c",
  "part md5",
  "file checksums",
  "copies",
  "copies once",
  "completes once",
  "versions",
  "scan tags",
] as const;

const ANY_SERVER = {
  ...S3,
  abilities: abilitiesWithout(...UNPROVED),
  unsigned: "obeyed, with ACLs",
  unproved: "that is not proved",
} as const satisfies Omit<Provider, "title">;

const OBEYED = [
  "x-amz-copy-source",
  "x-amz-object-lock-legal-hold",
  "x-amz-object-lock-mode",
  "x-amz-server-side-encryption-customer-algorithm",
  "x-amz-tagging",
] as const;

/**
 * How a provider is spoken to, and what its own pages say. The abilities of those that can be run
 * here are those of their certificates.
 */
export const PROVIDERS = {
  // Documented, not seen. It refuses SHA-256 and CRC-32C of a part that were not announced.
  aws: {
    ...S3,
    title: "Amazon S3",
    pathStyle: false,
    abilities: abilitiesWithout("part sha256", "part crc32c"),
  },
  minio: {
    ...S3,
    title: "MinIO",
    cors: "server",
    unsigned: "obeyed",
    absent: {
      // Of the first it takes a second value, after an empty one, without its signature.
      names: ["x-amz-meta-snowball-auto-extract", "x-minio-source-etag", "x-minio-source-mtime"],
      deniable: OBEYED,
      signedAs: "parameters",
    },
    abandoned:
      "MinIO itself removes uploads in parts that nobody completes, a day after they began; MINIO_API_STALE_UPLOADS_EXPIRY (stale_uploads_expiry of its settings) sets how long it waits",
    ...certifiedAs("minio", abilitiesWithout("scan tags")),
  },
  ceph: {
    ...ANY_SERVER,
    ...certifiedAs("ceph", abilitiesWithout("scan tags")),
    title: "Ceph (radosgw)",
    absent: {
      names: [
        ...OBEYED,
        "x-amz-acl",
        "x-amz-grant-full-control",
        "x-amz-grant-read",
        "x-amz-grant-read-acp",
        "x-amz-grant-write",
        "x-amz-grant-write-acp",
        "x-amz-storage-class",
      ].toSorted(),
      signedAs: "nothing",
    },
  },
  seaweedfs: {
    ...S3,
    title: "SeaweedFS",
    ...certifiedAs("seaweedfs", abilitiesWithout()),
  },
  versitygw: {
    ...S3,
    title: "versitygw",
    abandoned:
      "no rule of versitygw removes what nobody confirms or completes; run `valetkey sweep --apply` once a day",
    ...certifiedAs("versitygw", abilitiesWithout()),
  },
  swift: {
    ...ANY_SERVER,
    ...certifiedAs("swift", ANY_SERVER.abilities),
    title: "OpenStack Swift (s3api)",
    // It takes x_amz_copy_source for x-amz-copy-source, and does not ask for its signature.
    needsPutKey: "swift post CONTAINER --write-acl PROJECT:USER",
  },
  garage: {
    ...ANY_SERVER,
    ...certifiedAs("garage", ANY_SERVER.abilities),
    title: "Garage",
    // "Quick start", Garage documentation: its region has this name unless another is configured.
    region: "garage",
    unsigned: "refused",
    largestCopy: S3_LIMITS.largestPut,
  },
  r2: {
    ...ANY_SERVER,
    title: "Cloudflare R2",
    endpoint: "https://{account}.r2.cloudflarestorage.com",
    region: "auto",
    unsigned: "obeyed",
    limits: { ...S3_LIMITS, largestPut: S3_LIMITS.largestPut - 5 * 2 ** 20 },
  },
  b2: {
    ...ANY_SERVER,
    title: "Backblaze B2",
    endpoint: "https://s3.{region}.backblazeb2.com",
    region: undefined,
    regionExample: "us-west-004",
    abilities: abilitiesWithout("md5", ...UNPROVED),
    unsigned: "obeyed",
    limits: FIVE_GB,
  },
  wasabi: {
    ...ANY_SERVER,
    title: "Wasabi",
    endpoint: "https://s3.{region}.wasabisys.com",
    region: undefined,
    regionExample: "eu-central-1",
    cors: "server",
    limits: FIVE_GB,
  },
  spaces: {
    ...ANY_SERVER,
    title: "DigitalOcean Spaces",
    endpoint: "https://{region}.digitaloceanspaces.com",
    region: undefined,
    regionExample: "fra1",
    pathStyle: false,
    abilities: abilitiesWithout("md5", ...UNPROVED),
    limits: FIVE_GB,
  },
  s3: { ...ANY_SERVER, title: "any other server of S3's API" },
} as const satisfies Readonly<Record<string, Provider>>;

/** A provider, as `STORAGE_PROVIDER` names it. */
export type ProviderName = keyof typeof PROVIDERS;
