import * as Context from "effect/Context";
import type * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import type { Checksum } from "../../domain/checksum.ts";
import type { FileName } from "../../domain/file-name.ts";
import type { FilePath } from "../../domain/file-path.ts";
import type { MediaType } from "../../domain/media-type.ts";
import type { Metadata } from "../../domain/metadata.ts";
import type { OrganizationId } from "../../domain/organization.ts";
import type { StorageKey } from "../../domain/storage-key.ts";

/** An upload that arrived as its receipt says. */
export interface ConfirmedUpload {
  readonly key: StorageKey;
  readonly organization: OrganizationId;
  /** Who was granted the upload. */
  readonly subject: string;
  readonly filename: FileName;
  readonly path?: FilePath | undefined;
  /** In bytes. */
  readonly size: number;
  readonly contentType: MediaType;
  readonly etag: string;
  /** The version or generation that was compared, if the bucket keeps several. */
  readonly version?: string | undefined;
  readonly checksum?: Checksum | undefined;
  readonly metadata?: Metadata | undefined;
  /** True if the object can no longer change. */
  readonly final: boolean;
  /** The end of the time in which it can change, if it is not final. */
  readonly mutableUntil: DateTime.Utc;
}

/** Receives each confirmed upload, perhaps more than once, and returns JSON for the client. */
export const OnConfirmed = Context.Reference<(upload: ConfirmedUpload) => Effect.Effect<unknown>>(
  "valetkey/OnConfirmed",
  { defaultValue: () => () => Effect.void },
);
