import * as Effect from "effect/Effect";
import { isId, type OrganizationId } from "../../domain/organization.ts";
import { KEY_PREFIX } from "../../domain/storage-key.ts";
import { listsOfStore } from "./list-files.ts";

/**
 * Calls `use` for each organization with files in the store, in the order of their keys: one call to
 * the store for each, however many files it has.
 */
export const forEachOrganization = Effect.fnUntraced(function* <E, R>(
  use: (organization: OrganizationId) => Effect.Effect<unknown, E, R>,
  after?: OrganizationId,
) {
  const list = yield* listsOfStore;
  let from = after && endOf(after);
  for (;;) {
    const { found, next } = yield* list.objects({ prefix: KEY_PREFIX, after: from, limit: 1 });
    const key = found[0]?.key ?? next;
    if (key === undefined) return;
    const [, id = "", rest] = key.split("/");
    if (found.length > 0 && rest !== undefined && isId(id)) yield* use(id);
    from = found.length > 0 && rest !== undefined ? endOf(id) : key;
  }
});

/** A name behind all keys of an organization: in names, 0 follows the slash. */
const endOf = (organization: string) => `${KEY_PREFIX}${organization}0`;
