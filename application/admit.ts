import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import { OrganizationNotFound, ScopeMissing } from "../domain/errors.ts";
import type { Allowance } from "../domain/limits.ts";
import { isSlug, type OrganizationId, type OrganizationSlug } from "../domain/organization.ts";
import type { Principal, Scope } from "../domain/principal.ts";
import type { RecordFacts } from "./ports/audit.ts";
import { Limiter } from "./ports/limiter.ts";
import { Organizations } from "./ports/organizations.ts";
import type { Audience } from "./ports/presigner.ts";

export interface Member {
  readonly principal: Principal;
  /** As the caller wrote it. */
  readonly slug: OrganizationSlug;
  readonly organization: OrganizationId;
  readonly recordFacts?: RecordFacts | undefined;
}

interface AdmissionRequest {
  readonly principal: Principal;
  /** As the address has it; a malformed name is answered like one that does not exist. */
  readonly slug: string;
  readonly scope: Scope;
  readonly recordFacts?: RecordFacts | undefined;
}

/** A member, with the remaining allowances of the limits on requests. */
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
export const admit = (request: AdmissionRequest) =>
  Effect.contextWith((services: Context.Context<Limiter | Organizations>) =>
    admitWith(services, request),
  );

/** Ends at once unless one of the services waits. */
export function admitWith(
  services: Context.Context<Limiter | Organizations>,
  { principal, slug, scope, recordFacts }: AdmissionRequest,
) {
  const limiter = Context.get(services, Limiter);
  const organizations = Context.get(services, Organizations);
  const caller = `${principal.kind} ${principal.subject}`;
  return Effect.flatMapEager(limiter.countRequest("subject", caller), (own) => {
    if (!isSlug(slug)) return Effect.fail(new OrganizationNotFound());
    return Effect.flatMapEager(organizations.resolve(principal, slug), (organization) =>
      Effect.flatMapEager(limiter.countRequest("organization", organization), (shared) => {
        if (!principal.scopes.has(scope)) return Effect.fail(new ScopeMissing({ scope }));
        const allowances = [own, shared].filter((allowance) => allowance !== undefined);
        const member = { principal, slug, organization, recordFacts };
        return Effect.succeed<Admission>({ ...member, allowances });
      }),
    );
  });
}

export const audienceFor = ({ principal }: Member): Audience =>
  principal.kind === "service" ? "internal" : "public";
