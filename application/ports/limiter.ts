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
import type { Principal } from "../../domain/principal.ts";
import type { StorageKey } from "../../domain/storage-key.ts";

/** An upload that is about to be granted, or several that are granted together or not at all. */
export interface UploadToCount {
  readonly organization: OrganizationId;
  readonly caller: Pick<Principal, "kind" | "subject">;
  /** In bytes; the sum of several. */
  readonly size: number;
  /** The number of uploads; 1 if undefined. */
  readonly objects?: number | undefined;
  /** Makes a retry recognizable, if the request has an idempotency key. */
  readonly retry?: RetriedUpload | undefined;
  /** The place among the open uploads that an upload in parts takes. */
  readonly multipart?:
    | { readonly key: StorageKey; readonly lifetime: Duration.Duration }
    | undefined;
}

/** Makes two requests the same, and holds the facts of the first that a retry needs. */
export interface RetriedUpload {
  /** The caller, so that none uses up the room of others. */
  readonly caller: ReadonlyArray<string>;
  /** The idempotency key, chosen by the caller. */
  readonly key: string;
  /** The content of the request; a different one with the same key is a conflict. */
  readonly request: string;
  /** Returned to a retry, as the first request left it. */
  readonly memory: string;
  /** The time for which a retry is recognized. */
  readonly lifetime: Duration.Duration;
}

/** The first request under an idempotency key. */
export interface FirstRequest {
  readonly organization: OrganizationId;
  readonly retry: RetriedUpload;
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
     * Counts an upload, or all of a batch if the quota has room for all, and takes a place for one
     * in parts. For a retry it counts nothing and returns the `memory` of the first request.
     */
    readonly countUpload: (
      upload: UploadToCount,
    ) => Effect.Effect<string | undefined, QuotaExceeded | IdempotencyConflict | LimitsUnavailable>;
    /**
     * Replaces the memory of the first request, if it is still that of `retry`. Returns what
     * retries get from now on; undefined if the request was uncounted.
     */
    readonly replaceMemory: (
      first: FirstRequest & { readonly memory: string },
    ) => Effect.Effect<string | undefined, LimitsUnavailable>;
    /**
     * Takes back the count of an upload that could not begin, unless a retry has begun it
     * meanwhile: the memory is then no longer that of `retry`.
     */
    readonly uncountUpload: (upload: UploadToCount) => Effect.Effect<void>;
    /** Gives back the place of an upload in parts that has ended, if it still has one. */
    readonly endMultipart: (upload: {
      readonly organization: OrganizationId;
      readonly key: StorageKey;
    }) => Effect.Effect<void>;
  }
>()("valetkey/Limiter") {}
