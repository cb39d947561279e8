import * as Context from "effect/Context";
import type * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import type { MediaType } from "../../domain/media-type.ts";
import type { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
import type { Principal } from "../../domain/principal.ts";
import type { StorageKey } from "../../domain/storage-key.ts";

/** What was asked for: to upload, to confirm, to open a file, to make a link, or to follow one. */
export type AuditedAction = "presign" | "confirm" | "open" | "links" | "follow";

/** What is known of a request by the time it is decided; what was never reached is left out. */
export interface AuditedFacts {
  readonly principal?: Pick<Principal, "kind" | "subject">;
  /** As it was asked for, and its id once the caller was let in. */
  readonly slug?: OrganizationSlug;
  readonly organization?: OrganizationId;
  readonly policy?: string;
  readonly key?: StorageKey;
  /** In bytes. */
  readonly size?: number;
  readonly mediaType?: MediaType;
  /** Whether an upload was granted before, under the same idempotency key. */
  readonly isRetry?: boolean;
}

/** A decision about one request. It never holds a signature, a token or a URL. */
export interface AuditEvent extends AuditedFacts {
  readonly at: DateTime.Utc;
  readonly action: AuditedAction;
  /** The code of the refusal; undefined where the request was granted. */
  readonly refusal: string | undefined;
  /** The address of who asked: at the other end of the connection, or told by a trusted proxy. */
  readonly address: string | undefined;
  readonly requestId: string;
}

/** The audit where there is none. */
export const tellNobody = (): Effect.Effect<void> => Effect.void;

/** Who is told of each decision; nobody by default. */
export const Audit = Context.Reference<(event: AuditEvent) => Effect.Effect<void>>(
  "valetkey/Audit",
  { defaultValue: () => tellNobody },
);
