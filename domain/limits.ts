import type * as Duration from "effect/Duration";

/** Whose requests are counted together: those of one caller, or of one organization. */
export type Limited = "subject" | "organization";

/** At most `count` requests in any window of this length, at once or spread over it. */
export interface RateLimit {
  readonly count: number;
  readonly window: Duration.Duration;
}

/** What an organization may be granted in one day (UTC); a member that is left out has no limit. */
export interface DailyQuota {
  readonly bytes?: number | undefined;
  readonly objects?: number | undefined;
  /** Of `bytes`, those of one caller. */
  readonly bytesPerSubject?: number | undefined;
}

/** The limits of a deployment; a member that is left out has no limit. */
export interface Limits {
  readonly requests: { readonly [Of in Limited]?: RateLimit | undefined };
  readonly daily: DailyQuota;
  /** How many uploads in parts an organization may have open at once. */
  readonly multipartUploads?: number | undefined;
}

/** What is left of a limit on requests. */
export interface Allowance {
  /** What is limited; of an address, the requests that are not authenticated. */
  readonly of: Limited | "address";
  readonly limit: RateLimit;
  /** How many requests are left now. */
  readonly remaining: number;
  /** Seconds until the whole limit is available again. */
  readonly resetAfter: number;
}
