import * as Effect from "effect/Effect";
import { NoOwnFolder, ScopeMissing, UsageNotCounted } from "../../domain/errors.ts";
import { beforeSubject, subjectFolder } from "../../domain/storage-key.ts";
import type { Member } from "../admit.ts";
import { Policies } from "../ports/policies.ts";
import { Usage } from "../ports/usage.ts";

/**
 * Returns what an organization stores, or with `mine` what the caller's own folder has, with its
 * limit if there is one. Fails with `ScopeMissing` for a caller that may ask only for its own,
 * `NoOwnFolder`, `UsageNotCounted` or `LimitsUnavailable`.
 */
export const readUsage = Effect.fnUntraced(function* (
  { principal, organization, isForOwn }: Member,
  { mine = false }: { readonly mine?: boolean },
) {
  if (!mine && isForOwn === true) return yield* new ScopeMissing({ scope: "read", own: "mine" });
  const usage = yield* Usage;
  if (usage === undefined) return yield* new UsageNotCounted();
  const { bytes, bytesPerSubject } = usage.limits;
  if (!mine) {
    const reading = yield* usage.read({ organization });
    return { ...reading, limit: reading.plan ?? bytes };
  }
  const keys = [...(yield* Policies).values()].map(({ key }) => beforeSubject(key));
  if (keys.every((folders) => folders === undefined))
    return yield* new NoOwnFolder({ prefixes: [] });
  const reading = yield* usage.read({
    organization,
    folder: yield* subjectFolder(principal),
  });
  return { ...reading, limit: reading.plan ?? bytesPerSubject };
});
