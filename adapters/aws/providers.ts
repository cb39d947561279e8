import { S3_LIMITS, type StoreLimits } from "../settings/storage.ts";

/** What is different between stores that speak the API of S3. */
export interface Provider extends StoreLimits {
  readonly title: string;
  /** Its endpoint in a region; undefined where everyone has their own, or the client knows it. */
  readonly endpoint?: (region: string, account: string) => string;
  /** The region that is signed for where none is configured; undefined where one has to be. */
  readonly region?: string;
  /** A region that it has, where one has to be configured. */
  readonly regionExample?: string;
  /** Addressing where it is not configured: `https://host/bucket/key`, or the bucket as a host. */
  readonly pathStyle: boolean;
  /** How pages are allowed in: by rules of the bucket, or by a setting of the server. */
  readonly cors: "bucket" | "server";
}

/** What some providers call 5 GB, read in the way that is safe. */
const FIVE_GB = 5_000_000_000;

/** What Amazon documents, and where the others differ. */
const S3 = {
  pathStyle: true,
  cors: "bucket",
  ...S3_LIMITS,
} as const satisfies Omit<Provider, "title">;

/**
 * The one table of what each provider can do; the README prints it. What a provider's own pages
 * do not promise, and nobody here has seen, counts as missing.
 */
export const PROVIDERS = {
  aws: { ...S3, title: "Amazon S3", region: "us-east-1", pathStyle: false },
  r2: {
    ...S3,
    title: "Cloudflare R2",
    endpoint: (_region, account) => `https://${account}.r2.cloudflarestorage.com`,
    region: "auto",
    checksums: ["sha256", "md5"],
    marks: false,
    largestPut: S3_LIMITS.largestPut - 5 * 2 ** 20,
  },
  b2: {
    ...S3,
    title: "Backblaze B2",
    endpoint: (region) => `https://s3.${region}.backblazeb2.com`,
    regionExample: "us-west-004",
    checksums: [],
    writeOnce: false,
    marks: false,
    largestPut: FIVE_GB,
  },
  wasabi: {
    ...S3,
    title: "Wasabi",
    endpoint: (region) => `https://s3.${region}.wasabisys.com`,
    regionExample: "eu-central-1",
    checksums: ["md5"],
    writeOnce: false,
    marks: false,
    cors: "server",
    largestPut: FIVE_GB,
  },
  spaces: {
    ...S3,
    title: "DigitalOcean Spaces",
    endpoint: (region) => `https://${region}.digitaloceanspaces.com`,
    regionExample: "fra1",
    pathStyle: false,
    checksums: [],
    writeOnce: false,
    marks: false,
    largestPut: FIVE_GB,
  },
  ceph: { ...S3, title: "Ceph", region: "us-east-1", checksums: ["md5"] },
  seaweedfs: { ...S3, title: "SeaweedFS", region: "us-east-1" },
  versitygw: { ...S3, title: "versitygw", region: "us-east-1" },
} as const satisfies Readonly<Record<string, Provider>>;

/** A provider, as `STORAGE_PROVIDER` names it. */
export type ProviderName = keyof typeof PROVIDERS;
