import * as Schema from "effect/Schema";
import type { ByteSize } from "./byte-size.ts";
import type { OrganizationId, OrganizationSlug } from "./organization.ts";
import type { StoreName } from "./place.ts";
import type { CallerKind } from "./upload-policy.ts";

/**
 * Rights of a caller: to upload, to open files, to confirm uploads, to list and remove files, and to
 * list and remove those in its own folder.
 */
export const Scope = Schema.Literals(["write", "read", "confirm", "list", "remove", "mine"]);
export type Scope = typeof Scope.Type;

/** The scopes of a caller whose identity names none. The others must be granted. */
export const DEFAULT_SCOPES: ReadonlySet<Scope> = new Set(["write", "read", "confirm"]);

/** A caller's stable name at its identity provider: 1 to 256 printable characters. */
export const Subject = Schema.String.check(
  Schema.isPattern(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,256}$/u),
);

/** An authenticated caller. */
export interface Principal {
  readonly kind: CallerKind;
  readonly subject: string;
  readonly scopes: ReadonlySet<Scope>;
  /** The organizations that its identity lists, with their ids; `every` if it lists none. */
  readonly organizations: ReadonlyMap<OrganizationSlug, OrganizationId> | "every";
  /** The bytes that the caller may be granted in one day (UTC), in place of the service's limit. */
  readonly bytesPerDay?: ByteSize | undefined;
  /**
   * The bytes that may be stored, in place of the service's limit: in the caller's folder if the
   * policy's key has one, or else in the organization.
   */
  readonly storedBytes?: ByteSize | undefined;
  /** The store of all its organizations, or of each by name, if its identity says so. */
  readonly store?: StoreName | ReadonlyMap<OrganizationSlug, StoreName> | undefined;
}
