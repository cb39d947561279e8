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
  /** Of what is not kept, in a line. */
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
 * What a store keeps, as `valetkey certify` saw it: a file that configures the service
 * (`STORAGE_CERTIFICATE`). It holds no secret.
 */
export const Certificate = Schema.Struct({
  /** The version of the contract that was tried; see `CONTRACT`. */
  contract: Schema.Int.check(Schema.isGreaterThan(0)),
  valetkey: Schema.String,
  /** In UTC. */
  date: Day,
  /** Of this service, such as `aws`. */
  adapter: Name,
  /** As `STORAGE_PROVIDER` names it; left out for adapters of one store. */
  provider: Schema.optionalKey(Name),
  /** The store's name for itself in its answers, or as the person named it. */
  server: Schema.optionalKey(Schema.String),
  /** Where the service reaches it, such as `http://127.0.0.1:9000`; left out if the region says so. */
  endpoint: Schema.optionalKey(Url),
  region: Schema.optionalKey(Name),
  /** Left out if it was made for the examination alone: then it configures no service. */
  bucket: Schema.optionalKey(Name),
  state: BucketState,
  promises: Schema.Array(CertifiedPromise),
  /** How the store answered each kind of PUT, for people. */
  answers: Schema.optionalKey(Schema.Array(Schema.String)),
  /** `digestOf` the rest. */
  digest: Schema.String,
});
export type Certificate = typeof Certificate.Type;

/**
 * A digest of all members but itself, by which a file is found out that a person has changed. It
 * protects from mistakes, not from whoever configures the service.
 */
export const digestOf = (certificate: Partial<Certificate>): string =>
  createHash("sha256")
    .update(JSON.stringify({ ...certificate, digest: undefined }))
    .digest("base64url");
