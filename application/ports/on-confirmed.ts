import * as Context from "effect/Context";
import type * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import type { Checksum } from "../../domain/checksum.ts";
import type { MediaType } from "../../domain/media-type.ts";
import type { OrganizationId } from "../../domain/organization.ts";
import type { StorageKey } from "../../domain/storage-key.ts";

/** An upload that was held against its receipt, and is what was promised. */
export interface ConfirmedUpload {
  readonly key: StorageKey;
  readonly organization: OrganizationId;
  /** Who was granted the upload. */
  readonly subject: string;
  /** In bytes. */
  readonly size: number;
  readonly mediaType: MediaType;
  readonly etag: string;
  readonly checksum?: Checksum | undefined;
  /** Whether the object cannot change any more. */
  readonly final: boolean;
  /** Until when it can, where it is not final. */
  readonly mutableUntil: DateTime.Utc;
}

/**
 * What an embedding service does with each confirmed upload; nothing by default. It may be told
 * of the same upload more than once.
 */
export const OnConfirmed = Context.Reference<(upload: ConfirmedUpload) => Effect.Effect<void>>(
  "valetkey/OnConfirmed",
  { defaultValue: () => () => Effect.void },
);
