import * as Context from "effect/Context";
import type * as Duration from "effect/Duration";
import type * as Effect from "effect/Effect";
import type { LimitsUnavailable, QuotaExceeded, RateLimited } from "../../domain/errors.ts";
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
  /** The place among the open uploads that an upload in parts takes. */
  readonly multipart?:
    | { readonly key: StorageKey; readonly lifetime: Duration.Duration }
    | undefined;
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
     * in parts.
     */
    readonly countUpload: (
      upload: UploadToCount,
    ) => Effect.Effect<void, QuotaExceeded | LimitsUnavailable>;
    /** Takes back the count of an upload that could not begin. */
    readonly uncountUpload: (upload: UploadToCount) => Effect.Effect<void>;
    /** Gives back the place of an upload in parts that has ended, if it still has one. */
    readonly endMultipart: (upload: {
      readonly organization: OrganizationId;
      readonly key: StorageKey;
    }) => Effect.Effect<void>;
  }
>()("valetkey/Limiter") {}
