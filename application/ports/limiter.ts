import * as Context from "effect/Context";
import type * as Duration from "effect/Duration";
import type * as Effect from "effect/Effect";
import type {
  IdempotencyConflict,
  LimitsUnavailable,
  QuotaExceeded,
  RateLimited,
} from "../../domain/errors.ts";
import type { Allowance, Limited } from "../../domain/limits.ts";
import type { OrganizationId } from "../../domain/organization.ts";

/** An upload that is about to be granted, or several that are granted together or not at all. */
export interface UploadToCount {
  readonly organization: OrganizationId;
  /** In bytes; the sum of several. */
  readonly size: number;
  /** How many uploads; 1 if undefined. */
  readonly objects?: number | undefined;
  /** How a retry is recognized, if the request has an idempotency key. */
  readonly retry?: RetriedUpload | undefined;
}

/** What makes two requests the same, and what is remembered of the first. */
export interface RetriedUpload {
  /** The caller, so that none uses up the room of others. */
  readonly caller: ReadonlyArray<string>;
  /** The idempotency key, chosen by the caller. */
  readonly key: string;
  /** What was asked for; a different request with the same key is a conflict. */
  readonly request: string;
  /** What a retry gets of the first request. */
  readonly memory: string;
  /** How long a retry is recognized. */
  readonly lifetime: Duration.Duration;
}

/** Counts requests and uploads, and refuses those beyond a limit. */
export class Limiter extends Context.Service<
  Limiter,
  {
    /** Fails if the counter that all processes share does not answer. */
    readonly check: Effect.Effect<void, LimitsUnavailable>;
    /** Counts a request and tells what is left; undefined if there is no limit. */
    readonly countRequest: (
      of: Limited,
      name: string,
    ) => Effect.Effect<Allowance | undefined, RateLimited | LimitsUnavailable>;
    /**
     * Counts an upload, or all uploads of a batch if the quota has room for all of them. For a retry
     * it counts nothing and returns the `memory` of the first request.
     */
    readonly countUpload: (
      upload: UploadToCount,
    ) => Effect.Effect<string | undefined, QuotaExceeded | IdempotencyConflict | LimitsUnavailable>;
  }
>()("valetkey/Limiter") {}
