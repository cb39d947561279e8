import * as Effect from "effect/Effect";
import type { OrganizationSlug } from "../../domain/organization.ts";
import { organizationOf, personalFolder, type StorageKey } from "../../domain/storage-key.ts";
import { Events } from "../ports/events.ts";
import { type Account, Usage } from "../ports/usage.ts";
import { publish } from "../publish.ts";

/**
 * Publishes which thresholds accounts have reached with a file: once for each time, however often
 * it is asked. What fails is told with the next file.
 */
export const tellThresholds = Effect.fnUntraced(function* (file: {
  readonly key: StorageKey;
  readonly slug: OrganizationSlug;
  /** Who was granted the file. */
  readonly subject: string;
}) {
  const { key, slug, subject } = file;
  const usage = yield* Usage;
  if (usage === undefined || (yield* Events) === undefined) return;
  for (const account of accountsOf(key)) {
    const found = yield* Effect.orElseSucceed(usage.thresholds(account), () => undefined);
    if (found === undefined || found.reached.length === 0) continue;
    const { files, bytes, limit, reached } = found;
    const { organization, folder } = account;
    const whose = folder === undefined ? {} : { subject };
    for (const { percent, occurrence } of reached) {
      const data = { organization, ...whose, percent, files, bytes, limit };
      yield* publish(() => ({ type: "usage.threshold", slug, occurrence, data }));
    }
    yield* Effect.ignore(usage.told(account, reached));
  }
});

/** Notes which thresholds accounts are below again, without a file that was removed. */
export const noteThresholds = Effect.fnUntraced(function* (key: StorageKey) {
  const usage = yield* Usage;
  if (usage === undefined || (yield* Events) === undefined) return;
  yield* Effect.forEach(accountsOf(key), usage.thresholds, { discard: true }).pipe(Effect.ignore);
});

function accountsOf(key: StorageKey): ReadonlyArray<Account> {
  const organization = organizationOf(key);
  const folder = personalFolder(key);
  return folder === undefined ? [{ organization }] : [{ organization }, { organization, folder }];
}
