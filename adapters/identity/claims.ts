import { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
import { StoreName } from "../../domain/place.ts";
import { type Principal, Scope } from "../../domain/principal.ts";
import * as Predicate from "effect/Predicate";
import * as Schema from "effect/Schema";
import { memberAt } from "../values/decode.ts";

const isSlug = Schema.is(OrganizationSlug);
const isId = Schema.is(OrganizationId);
const isScope = Schema.is(Scope);
const isStore = Schema.is(StoreName);

/** Returns the value at a JSON Pointer (RFC 6901), or of a member by its plain name. */
export function claimAt(claims: unknown, path: string): unknown {
  if (!path.startsWith("/")) return memberAt(claims, [path]);
  const names = path.slice(1).split("/");
  return memberAt(
    claims,
    names.map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~")),
  );
}

/**
 * Reads a name, a list of names, or an object whose members are names and whose values are ids or
 * have one as `id`. Malformed names and ids are left out.
 */
export function organizationsIn(claim: unknown): Exclude<Principal["organizations"], "every"> {
  const entries: ReadonlyArray<readonly [unknown, unknown]> =
    typeof claim === "object" && claim !== null && !Array.isArray(claim)
      ? Object.entries(claim)
      : textsIn(claim).map((name) => [name, name]);
  const organizations = new Map<OrganizationSlug, OrganizationId>();
  for (const [slug, value] of entries) {
    const id = idIn(value) ?? slug;
    if (isSlug(slug) && isId(id)) organizations.set(slug, id);
  }
  return organizations;
}

const idIn = (value: unknown): unknown =>
  typeof value === "object" && !Array.isArray(value) ? memberAt(value, ["id"]) : value;

/**
 * Reads a store's name, or an object whose members are names of organizations and of their stores;
 * undefined if any of it is malformed.
 */
export function storeIn(claim: unknown): Principal["store"] {
  if (isStore(claim)) return claim;
  if (!Predicate.isObject(claim)) return undefined;
  const stores = new Map<OrganizationSlug, StoreName>();
  for (const [slug, store] of Object.entries(claim)) {
    if (!isSlug(slug) || !isStore(store)) return undefined;
    stores.set(slug, store);
  }
  return stores;
}

/** Returns the scopes that begin with `prefix`: a list, or text with spaces (RFC 9068). */
export function scopesIn(claim: unknown, prefix: string): ReadonlySet<Scope> {
  const names = textsIn(typeof claim === "string" ? claim.split(" ") : claim);
  return new Set(
    names
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length))
      .filter(isScope),
  );
}

const textsIn = (claim: unknown): ReadonlyArray<string> =>
  (Array.isArray(claim) ? claim : [claim]).filter((item) => typeof item === "string");
