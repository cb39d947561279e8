import type { refusalIn } from "../../../storage/rest/refusal-reason.ts";

/** A request with a signed URL that failed, as far as it is known. */
export interface FailedRequest {
  readonly url: string;
  /** The method that was sent. */
  readonly method?: string | undefined;
  readonly status?: number | undefined;
  /** The body of the answer. */
  readonly body?: string | undefined;
  /** The headers that were sent, by their names in lower case; undefined if nobody told them. */
  readonly sent?: ReadonlyMap<string, string> | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Hosts and access keys of the configuration, which a URL should have; empty if unknown. */
  readonly hosts?: ReadonlyArray<string>;
  readonly accessKeys?: ReadonlyArray<string>;
}

/** One thing that differs from what was signed, and what mends it. */
export interface Cause {
  readonly what: string;
  readonly mend: string;
}

export const cause = (what: string, mend: string): Cause => ({ what, mend });

/** What a store answered; its text may show how it computed the signature. */
export interface Answer extends ReturnType<typeof refusalIn> {
  readonly text: string;
}
