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

/** An upload that is about to be granted. */
export interface UploadToCount {
  readonly organization: OrganizationId;
  /** In bytes. */
  readonly size: number;
  /** By which a retry is known, where the caller gave one. */
  readonly retry?: RetriedUpload | undefined;
}

/** What makes two requests the same upload, and what has to be remembered of the first. */
export interface RetriedUpload {
  /** Who sent it, so that none takes the room of others. */
  readonly caller: ReadonlyArray<string>;
  /** The idempotency key, of the caller's own making. */
  readonly key: string;
  /** What was asked for; another under the same key is a conflict. */
  readonly request: string;
  /** What a retry is told of the first request. */
  readonly memory: string;
  /** How long a retry is known. */
  readonly lifetime: Duration.Duration;
}

/** Counts what callers take, and refuses what is too much. */
export class Limiter extends Context.Service<
  Limiter,
  {
    /** Whether what counts for all processes answers. */
    readonly check: Effect.Effect<void, LimitsUnavailable>;
    /** Counts a request; what is left is undefined where nothing is limited. */
    readonly countRequest: (
      of: Limited,
      name: string,
    ) => Effect.Effect<Allowance | undefined, RateLimited | LimitsUnavailable>;
    /**
     * Counts an upload, or gives the memory of the first request where this one is a retry, which
     * counts nothing.
     */
    readonly countUpload: (
      upload: UploadToCount,
    ) => Effect.Effect<string | undefined, QuotaExceeded | IdempotencyConflict | LimitsUnavailable>;
  }
>()("valetkey/Limiter") {}
