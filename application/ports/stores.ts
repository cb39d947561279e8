import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type { IdentityUnavailable, StoreUnavailable } from "../../domain/errors.ts";
import type { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
import type { StoreName } from "../../domain/place.ts";
import type { Principal } from "../../domain/principal.ts";
import type { ObjectStore } from "./object-store.ts";
import type { Policies } from "./policies.ts";
import type { Presigner } from "./presigner.ts";

/** The ports of one store, or of two while files are moved, and the policies that it can keep. */
export type StoreContext = Context.Context<ObjectStore | Policies | Presigner>;

/** An organization, by which its store is chosen. */
export interface Placed {
  readonly organization: OrganizationId;
  /** Left out for links, public files and notifications, which have no caller. */
  readonly caller?: { readonly principal: Principal; readonly slug: OrganizationSlug } | undefined;
  /** The store of a link's file when it was made, for organizations that only a claim places. */
  readonly hint?: StoreName | undefined;
}

/** The stores of the service, of which each organization has one. */
export interface StoreChoice {
  /** Fails for a name that no store has: another store is never taken instead. */
  readonly of: (
    placed: Placed,
  ) => Effect.Effect<StoreContext, IdentityUnavailable | StoreUnavailable>;
  /** Returns the store in which an upload began, as its token names it. */
  readonly named: (store: StoreName) => Effect.Effect<StoreContext, StoreUnavailable>;
}

/** Undefined by default: there is one store, whose ports are in the context. */
export const Stores = Context.Reference<StoreChoice | undefined>("valetkey/Stores", {
  defaultValue: () => undefined,
});

/** The name of the store that uploads of a request go to; undefined while there is one store. */
export const UploadStore = Context.Reference<StoreName | undefined>("valetkey/UploadStore", {
  defaultValue: () => undefined,
});
