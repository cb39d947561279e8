import { abilitiesWithout, type StoreLimits } from "../../../application/ports/abilities.ts";
import { certifiedAs, type CertifiedServer } from "../certificate/proved.ts";
import { type Known, S3_LIMITS } from "../known.ts";
import type { AbsentHeaders } from "../signing/sign-query.ts";

export interface Provider extends Known, Partial<Pick<CertifiedServer, "certified">> {
  readonly title: string;
  readonly limits: StoreLimits;
  /** As in `listObjects`. */
  readonly listMark?: string;
  /** As in `Parts`. */
  readonly abandoned?: string;
  /** With a region and an account; undefined without a common one, or if the client knows it. */
  readonly endpoint?: string;
  /** The region if none is configured; undefined if one must be configured. */
  readonly region?: string | undefined;
  readonly regionExample?: string;
  /** True if the default is `https://host/bucket/key`. */
  readonly pathStyle: boolean;
  /** Rules of the bucket, or a setting of the server. */
  readonly cors: "bucket" | "server";
  /** The treatment of a PUT's unsigned `x-amz-*` headers; ACLs set the readers of the object. */
  readonly unsigned: "refused" | "obeyed" | "obeyed, with ACLs";
  /**
   * The command for a key that may only put, without which an upload can be a copy of anything its
   * key reads: the signature cannot forbid that.
   */
  readonly needsPutKey?: string;
  /** The Security Token Service that gives temporary credentials. */
  readonly sts?: {
    /** True if a list is bounded by its prefix, whatever else the request has. */
    readonly lists: boolean;
    /** True if a role has to be named. */
    readonly needsRole: boolean;
  };
  /** Largest upload, in bytes, copied as an object, since the store copies no small part. */
  readonly largestCopy?: number;
  /** The headers that a signature can forbid, of those that the store would obey. */
  readonly absent?: AbsentHeaders & {
    /**
     * Headers that a policy can deny, too. In the query, as MinIO needs them, the policy would deny
     * every PUT, so they are forbidden only to a key for everything.
     */
    readonly deniable?: AbsentHeaders["names"];
  };
}

/** Limits with the smaller meaning of 5 GB. */
const FIVE_GB = { ...S3_LIMITS, largestPut: 5_000_000_000 };

const S3 = {
  region: "us-east-1",
  pathStyle: true,
  cors: "bucket",
  unsigned: "refused",
  limits: S3_LIMITS,
} as const satisfies Partial<Provider>;

/**
 * Abilities that no server has without a certificate. A promise that would break unnoticed counts
 * as missing; parts that do not work fail loudly.
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
  "scoped credentials",
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
 * Protocol details of providers, and the abilities that they document. The abilities of those that
 * can be run here are in their certificates.
 */
export const PROVIDERS = {
  // Documented, not tested. It refuses SHA-256 and CRC-32C of a part that were not announced.
  aws: {
    ...S3,
    title: "Amazon S3",
    pathStyle: false,
    abilities: abilitiesWithout("part sha256", "part crc32c", "scoped credentials"),
    sts: { lists: true, needsRole: true },
  },
  minio: {
    ...S3,
    title: "MinIO",
    cors: "server",
    unsigned: "obeyed",
    // A header or a parameter `Prefix` takes the place of the one that its policies should compare.
    sts: { lists: false, needsRole: false },
    absent: {
      // For the first, it accepts an unsigned second value after an empty one.
      names: ["x-amz-meta-snowball-auto-extract", "x-minio-source-etag", "x-minio-source-mtime"],
      deniable: OBEYED,
      signedAs: "parameters",
    },
    // As in its own tokens: otherwise a page may end a list of folders in folders too early.
    listMark: "[minio_cache:v2,return:]",
    abandoned:
      "MinIO itself removes uploads in parts that nobody completes, a day after they began; MINIO_API_STALE_UPLOADS_EXPIRY (stale_uploads_expiry of its settings) sets how long it waits",
    ...certifiedAs("minio", abilitiesWithout("scan tags", "scoped credentials")),
  },
  ceph: {
    ...ANY_SERVER,
    ...certifiedAs("ceph", abilitiesWithout("scan tags", "scoped credentials")),
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
    ...certifiedAs("seaweedfs", abilitiesWithout("scoped credentials")),
  },
  versitygw: {
    ...S3,
    title: "versitygw",
    abandoned:
      "no rule of versitygw removes what nobody confirms or completes; run `valetkey sweep --apply` once a day",
    ...certifiedAs("versitygw", abilitiesWithout("scoped credentials")),
  },
  swift: {
    ...ANY_SERVER,
    ...certifiedAs("swift", ANY_SERVER.abilities),
    title: "OpenStack Swift (s3api)",
    // It accepts x_amz_copy_source for x-amz-copy-source, unsigned.
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
