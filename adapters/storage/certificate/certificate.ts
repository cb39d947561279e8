import { createHash } from "node:crypto";

/**
 * What a store keeps, as `valetkey certify` saw it: a file that configures the service
 * (`STORAGE_CERTIFICATE`). It holds no secret.
 */
export interface Certificate {
  /** The version of the contract that was tried; see `CONTRACT`. */
  readonly contract: number;
  readonly valetkey: string;
  /** The day, such as `2026-11-30`, in UTC. */
  readonly date: string;
  /** Of this service, such as `aws`. */
  readonly adapter: string;
  /** As `STORAGE_PROVIDER` names it; left out for adapters of one store. */
  readonly provider?: string;
  /** The store's name for itself in its answers, or as the person named it. */
  readonly server?: string;
  /** Where the service reaches it, such as `http://127.0.0.1:9000`; left out if the region says so. */
  readonly endpoint?: string;
  readonly region?: string;
  /** Left out if it was made for the examination alone: then it configures no service. */
  readonly bucket?: string;
  readonly state: BucketState;
  readonly promises: ReadonlyArray<CertifiedPromise>;
  /** How the store answered each kind of PUT, for whoever reads it. */
  readonly answers?: ReadonlyArray<string>;
  /** `digestOf` the rest. */
  readonly digest: string;
}

/** The state of the bucket in which the promises were tried, and for which alone they hold. */
export interface BucketState {
  readonly versions: "none" | "kept" | "suspended" | "unknown";
  /** The time for which it keeps each new object from being removed, such as `30 days`. */
  readonly lock?: string;
  /** The effects of its rules, such as `removes every file 1 day after it was stored`. */
  readonly rules: ReadonlyArray<string>;
}

export interface CertifiedPromise {
  readonly promise: string;
  readonly outcome: "kept" | "broken" | "not tried";
  /** Of what is not kept, in a line. */
  readonly why?: string;
}

/**
 * A digest of all members but itself, by which a file is found out that a person has changed. It
 * protects from mistakes, not from whoever configures the service.
 */
export const digestOf = (certificate: Partial<Certificate>): string =>
  createHash("sha256")
    .update(JSON.stringify({ ...certificate, digest: undefined }))
    .digest("base64url");
