import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { OrganizationNotFound, ScopeMissing } from "../domain/errors.ts";
import type { Allowance } from "../domain/limits.ts";
import { type OrganizationId, OrganizationSlug } from "../domain/organization.ts";
import type { Principal, Scope } from "../domain/principal.ts";
import { Limiter } from "./ports/limiter.ts";
import { Organizations } from "./ports/organizations.ts";
import type { Audience } from "./ports/presigner.ts";

/** A caller who was admitted to an organization: the input of each use case. */
export interface Member {
  readonly principal: Principal;
  readonly organization: OrganizationId;
}

/** A member, with what is left of the limits on requests. */
export interface Admission extends Member {
  readonly allowances: ReadonlyArray<Allowance>;
}

/**
 * Admits a caller to the organization that an address names, if the caller has `scope`, and counts
 * the request: first for the caller, so that guessing names is limited too, then for the
 * organization, if the caller belongs to it.
 *
 * Fails with `RateLimited`, `OrganizationNotFound`, `ScopeMissing`, `IdentityUnavailable` or
 * `LimitsUnavailable`.
 */
export const admit = Effect.fnUntraced(function* (request: {
  readonly principal: Principal;
  /**
   * As written in the address. A name of the wrong form is answered like one that does not exist.
   */
  readonly slug: string;
  readonly scope: Scope;
}) {
  const { principal, slug, scope } = request;
  const limiter = yield* Limiter;
  const own = yield* limiter.countRequest("subject", `${principal.kind} ${principal.subject}`);
  if (!isSlug(slug)) return yield* new OrganizationNotFound();
  const organization = yield* (yield* Organizations).resolve(principal, slug);
  const shared = yield* limiter.countRequest("organization", organization);
  if (!principal.scopes.has(scope)) return yield* new ScopeMissing({ scope });
  const allowances = [own, shared].filter((allowance) => allowance !== undefined);
  return { principal, organization, allowances } satisfies Admission;
});

/** Where the caller will use a URL: a person in a browser, a service on the private network. */
export const audienceOf = ({ principal }: Member): Audience =>
  principal.kind === "service" ? "internal" : "public";

const isSlug = Schema.is(OrganizationSlug);
