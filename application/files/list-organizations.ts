import * as Effect from "effect/Effect";
import { isId, type OrganizationId } from "../../domain/organization.ts";
import { KEY_PREFIX } from "../../domain/storage-key.ts";
import { listsOfStore } from "./list-files.ts";

/**
 * Lists the organizations that have files in the store: by one call for each, however many files it
 * has, and by all pages of a store that cannot continue after any key.
 */
export const listOrganizations = Effect.gen(function* () {
  const { objects, continuesAtPages } = yield* listsOfStore;
  const canSkip = continuesAtPages !== true;
  const found = new Set<OrganizationId>();
  let after: string | undefined;
  for (;;) {
    const page = yield* objects({ prefix: KEY_PREFIX, after, limit: canSkip ? 1 : 1000 });
    after = page.next;
    for (const { key } of page.found) {
      const [, id = "", rest] = key.split("/");
      if (rest !== undefined && isId(id)) found.add(id);
      // A name behind all keys below this one: in names, 0 follows the slash.
      if (canSkip && after !== undefined) after = rest === undefined ? key : `${KEY_PREFIX}${id}0`;
    }
    if (after === undefined) return found;
  }
});
