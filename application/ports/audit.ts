import * as Context from "effect/Context";
import type * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import type { FilePath } from "../../domain/file-path.ts";
import type { MediaType } from "../../domain/media-type.ts";
import type { Metadata } from "../../domain/metadata.ts";
import type { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
import type { Principal } from "../../domain/principal.ts";
import type { StorageKey } from "../../domain/storage-key.ts";

/** Facts of a request, for its audit. */
export interface AuditedFacts {
  readonly principal?: Pick<Principal, "kind" | "subject">;
  /** The organization's name in the address. */
  readonly slug?: OrganizationSlug;
  /** The organization's id, once the caller was admitted. */
  readonly organization?: OrganizationId;
  readonly policy?: string | undefined;
  readonly key?: StorageKey;
  /** In bytes. */
  readonly size?: number | undefined;
  readonly contentType?: MediaType | undefined;
  readonly metadata?: Metadata | undefined;
  readonly path?: FilePath | undefined;
  /** When a confirmed upload was granted. */
  readonly grantedAt?: DateTime.Utc;
  /** The scan's finding, or the reason why there is none. */
  readonly finding?: string;
  /** The number of parts that were signed. */
  readonly parts?: number;
  /** The code of the refusal of one upload of several. */
  readonly refusal?: string | undefined;
}

/** Adds facts of a request as soon as they are known; those of one upload of several by `index`. */
export type RecordFacts = (facts: AuditedFacts, index?: number) => void;

/** A decision about one request. It never contains a signature, a token or a URL. */
export interface AuditEvent extends AuditedFacts {
  readonly at: DateTime.Utc;
  /** The action of the operation, such as `confirm` or `start-multipart`. */
  readonly action: string;
  /** The code of the refusal; undefined if the request was granted. */
  readonly refusal: string | undefined;
  /** The client's address: that of the connection, or the one that a trusted proxy reports. */
  readonly address: string | undefined;
  readonly requestId: string;
  /** The id of the caller's trace, of 32 hexadecimal digits. */
  readonly traceId?: string | undefined;
}

export type AuditSink = (event: AuditEvent) => Effect.Effect<void>;

/** An audit that records nothing. */
export const noAudit: AuditSink = () => Effect.void;

/** Receives each decision; nothing does by default. */
export const Audit = Context.Reference<AuditSink>("valetkey/Audit", {
  defaultValue: () => noAudit,
});
