import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type { LimitsUnavailable, QuotaExceeded, RateLimited } from "../../domain/errors.ts";
import type { Allowance, Limited } from "../../domain/limits.ts";
import type { OrganizationId } from "../../domain/organization.ts";
import type { Principal } from "../../domain/principal.ts";

/** An upload to be granted, or several that are granted together or not at all. */
export interface UploadToCount {
  readonly organization: OrganizationId;
  readonly caller: Pick<Principal, "kind" | "subject" | "bytesPerDay">;
  /** In bytes; the sum of several. */
  readonly size: number;
  /** The number of uploads; 1 if undefined. */
  readonly objects?: number | undefined;
}

/** Counts requests and uploads, and refuses those beyond a limit. */
export class Limiter extends Context.Service<
  Limiter,
  {
    /** Fails if the counter that processes share does not answer. */
    readonly check: Effect.Effect<void, LimitsUnavailable>;
    /** Counts a request and returns what is left; undefined if there is no limit. */
    readonly countRequest: (
      of: Limited,
      name: string,
    ) => Effect.Effect<Allowance | undefined, RateLimited | LimitsUnavailable>;
    /** Counts an upload, or all of a batch if the quota has room for all. */
    readonly countUpload: (
      upload: UploadToCount,
    ) => Effect.Effect<void, QuotaExceeded | LimitsUnavailable>;
    /** Takes back the count of an upload that could not begin. */
    readonly uncountUpload: (upload: UploadToCount) => Effect.Effect<void>;
  }
>()("valetkey/Limiter") {}
