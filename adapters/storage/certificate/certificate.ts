import * as Schema from "effect/Schema";
import { createHash } from "node:crypto";

const Name = Schema.String.check(Schema.isPattern(/^[\x20-\x7e]{1,2048}$/));
const Day = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d\d-\d\d$/),
  Schema.makeFilter<string>((day) => !Number.isNaN(Date.parse(day))),
);
const Url = Schema.String.check(Schema.makeFilter<string>((url) => URL.canParse(url)));

const CertifiedPromise = Schema.Struct({
  promise: Schema.String,
  outcome: Schema.Literals(["kept", "broken", "not tried"]),
  /** Reason, in one line, if it is not kept. */
  why: Schema.optionalKey(Schema.String),
});
export type CertifiedPromise = typeof CertifiedPromise.Type;

/** The state of the bucket in which the promises were tried, and for which alone they hold. */
const BucketState = Schema.Struct({
  versions: Schema.Literals(["none", "kept", "suspended", "unknown"]),
  /** The time for which it keeps each new object from being removed, such as `30 days`. */
  lock: Schema.optionalKey(Schema.String),
  /** The effects of its rules, such as `removes every file 1 day after it was stored`. */
  rules: Schema.Array(Schema.String),
});
export type BucketState = typeof BucketState.Type;

/**
 * What a store keeps, as `valetkey certify` found: a file that configures the service
 * (`STORAGE_CERTIFICATE`). It contains no secret.
 */
export const Certificate = Schema.Struct({
  /** The version of the contract that was tried; see `CONTRACT`. */
  contract: Schema.Int.check(Schema.isGreaterThan(0)),
  valetkey: Schema.String,
  /** In UTC. */
  date: Day,
  /** The service's adapter, such as `aws`. */
  adapter: Name,
  /** As `STORAGE_PROVIDER` names it; left out for adapters of one store. */
  provider: Schema.optionalKey(Name),
  /** The store's name for itself in its answers, or as the person named it. */
  server: Schema.optionalKey(Schema.String),
  /** Its address, such as `http://127.0.0.1:9000`; left out if the region says so. */
  endpoint: Schema.optionalKey(Url),
  region: Schema.optionalKey(Name),
  /** Left out for a bucket made only for the examination: it configures no service. */
  bucket: Schema.optionalKey(Name),
  state: BucketState,
  promises: Schema.Array(CertifiedPromise),
  /** The store's answer to each kind of PUT, for people. */
  answers: Schema.optionalKey(Schema.Array(Schema.String)),
  /** `digestOf` the rest. */
  digest: Schema.String,
});
export type Certificate = typeof Certificate.Type;

/**
 * Returns a digest of all other members, which shows that a file was edited. It protects from
 * mistakes, not from the operator.
 */
export const digestOf = (certificate: Partial<Certificate>): string =>
  createHash("sha256")
    .update(JSON.stringify({ ...certificate, digest: undefined }))
    .digest("base64url");
