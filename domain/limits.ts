import type * as Duration from "effect/Duration";

/** The requests that are counted together: those of one caller, or of one organization. */
export type Limited = "subject" | "organization";

/** At most `count` requests in any window of this length, at once or spread over it. */
export interface RateLimit {
  readonly count: number;
  readonly window: Duration.Duration;
}

/** The most that an organization is granted in one day (UTC); without limit where undefined. */
export interface DailyQuota {
  readonly bytes?: number | undefined;
  readonly objects?: number | undefined;
  /** The part of `bytes` for one caller. */
  readonly bytesPerSubject?: number | undefined;
}

/** The limits of a deployment; a member that is left out has no limit. */
export interface Limits {
  readonly requests: { readonly [Of in Limited]?: RateLimit | undefined };
  readonly daily: DailyQuota;
}

/** The remaining requests of a limit. */
export interface Allowance {
  /** The limited group; for an address, its unauthenticated requests are limited. */
  readonly of: Limited | "address";
  readonly limit: RateLimit;
  /** The number of requests left now. */
  readonly remaining: number;
  /** Seconds until the whole limit is available again. */
  readonly resetAfter: number;
}
