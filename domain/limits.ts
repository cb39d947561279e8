import type * as Duration from "effect/Duration";

/** Whose requests are counted together. */
export type Limited = "subject" | "organization";

/** So many requests in any window, all at once or spread over it. */
export interface RateLimit {
  readonly count: number;
  readonly window: Duration.Duration;
}

/** What an organization may be granted in one day of UTC; what is left out has no limit. */
export interface DailyQuota {
  readonly bytes?: number | undefined;
  readonly objects?: number | undefined;
}

/** The limits of a deployment; what is left out has none. */
export interface Limits {
  readonly requests: { readonly [Of in Limited]?: RateLimit | undefined };
  readonly daily: DailyQuota;
}

/** What a caller has left of a limit on requests. */
export interface Allowance {
  /** Of an address those are counted that are not authenticated. */
  readonly of: Limited | "address";
  readonly limit: RateLimit;
  /** How many requests are left at the moment. */
  readonly remaining: number;
  /** In how many seconds all of them are there again. */
  readonly resetAfter: number;
}
