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
  /** As written in the address. */
  readonly slug: OrganizationSlug;
  readonly organization: OrganizationId;
  readonly recordFacts?: RecordFacts | undefined;
  /** True if the caller may do this only with files in its own folder. */
  readonly isForOwn?: boolean;
}

interface AdmissionRequest {
  readonly principal: Principal;
  /** As written in the address; a malformed name is answered like one that does not exist. */
  readonly slug: string;
  readonly scope: Scope;
  /** Admits a caller without `scope` to its own files. */
  readonly own?: Scope | undefined;
  readonly recordFacts?: RecordFacts | undefined;
}

/** A member, with the remaining allowances of the limits on requests. */
export interface Admission extends Member {
  readonly allowances: ReadonlyArray<Allowance>;
}

/**
 * Admits a caller with `scope`, or `own`, to the organization in an address, and counts the
 * request: first for the caller, so that guessing names is limited too, then for the organization.
 *
 * Fails with `RateLimited`, `OrganizationNotFound`, `ScopeMissing`, `IdentityUnavailable` or
 * `LimitsUnavailable`.
 */
export const admit = Effect.fnUntraced(function* ({
  principal,
  slug,
  scope,
  own,
  recordFacts,
}: AdmissionRequest) {
  recordFacts?.({ principal });
  const limiter = yield* Limiter;
  const callerAllowance = yield* limiter.countRequest(
    "subject",
    `${principal.kind} ${principal.subject}`,
  );
  if (!isSlug(slug)) return yield* new OrganizationNotFound();
  const organization = yield* (yield* Organizations).resolve(principal, slug);
  const organizationAllowance = yield* limiter.countRequest("organization", organization);
  const isForOwn = !principal.scopes.has(scope);
  if (isForOwn && (own === undefined || !principal.scopes.has(own))) {
    return yield* new ScopeMissing({ scope, own });
  }
  recordFacts?.({ organization });
  const allowances = [callerAllowance, organizationAllowance].filter(
    (allowance) => allowance !== undefined,
  );
  return { principal, slug, organization, recordFacts, isForOwn, allowances } satisfies Admission;
});

export const audienceFor = ({ principal }: Member): Audience =>
  principal.kind === "service" ? "internal" : "public";
