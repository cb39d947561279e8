import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { UnknownPolicy } from "../domain/errors.ts";
import { DEFAULT_POLICY, defaultPolicy, type UploadPolicy } from "../domain/upload-policy.ts";
import { type StorageKey, templatesOf } from "../domain/storage-key.ts";
import type { Member } from "./admit.ts";
import { type Abilities, checksumsOfParts, checksumsOfWhole } from "./ports/abilities.ts";
import { Policies } from "./ports/policies.ts";

/** Chooses a policy; one of other organizations is answered like one that does not exist. */
export function choosePolicy(
  policies: ReadonlyMap<string, UploadPolicy>,
  member: Member,
  name: string,
): Effect.Effect<UploadPolicy, UnknownPolicy> {
  const policy = policies.get(name);
  // For no caller: this store cannot keep it.
  if (policy !== undefined && isShared(member, policy) && policy.callers.length > 0) {
    return Effect.succeed(policy);
  }
  const known = [...policies].flatMap(([name, policy]) => (mayUse(member, policy) ? [name] : []));
  return Effect.fail(new UnknownPolicy({ known }));
}

/** Returns the policies, for everybody or of a member, that can have made a key. */
const policiesOf = (key: StorageKey, member?: Member) =>
  Policies.useSync((policies) => {
    const couldMake = templatesOf(key);
    return [...policies.values()].filter(
      (policy) => (member === undefined || isShared(member, policy)) && couldMake(policy.key),
    );
  });

/** Returns the widths of the policies that can have made a key. */
export const widthsOf = (key: StorageKey, member?: Member) =>
  Effect.map(policiesOf(key, member), (policies) => [
    ...new Set(policies.flatMap(({ images = [] }) => images)),
  ]);

/**
 * Returns the policy whose GETs end first, of those that can have made a key, which does not say
 * which one did; the default if none can.
 */
export const policyToOpen = (key: StorageKey, member?: Member) =>
  Effect.flatMap(policiesOf(key, member), ([first, ...others]) =>
    first === undefined
      ? policyNamed(DEFAULT_POLICY)
      : Effect.succeed(
          others.reduce(
            (least, policy) =>
              Duration.isLessThan(policy.getLifetime, least.getLifetime) ? policy : least,
            first,
          ),
        ),
  );

/** Returns the policy of an earlier upload, or the default if it is configured no more. */
export const policyNamed = (name: string) =>
  Policies.useSync(
    (policies) => policies.get(name) ?? policies.get(DEFAULT_POLICY) ?? defaultPolicy,
  );

export const mayUse = (member: Member, policy: UploadPolicy): boolean =>
  isShared(member, policy) && policy.callers.includes(member.principal.kind);

const isShared = ({ slug }: Member, { organizations }: UploadPolicy): boolean =>
  organizations?.includes(slug) ?? true;

/** Returns true if uploads of a policy may come in parts: a store may lack an ability for that. */
export const takesParts = (
  { scan, requireChecksum }: UploadPolicy,
  abilities: Abilities,
): boolean =>
  abilities.has("multipart") &&
  // Scanned bytes could be replaced by others with the same ETag.
  (scan === "none" || abilities.has("completes once")) &&
  (!requireChecksum || [...checksumsOfParts(abilities), ...checksumsOfWhole(abilities)].length > 0);
