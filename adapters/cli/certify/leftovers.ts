import * as Effect from "effect/Effect";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { INCOMING_PREFIX, KEY_PREFIX } from "../../../domain/storage-key.ts";
import { ORGANIZATION, ORGANIZATIONS } from "../../contract/sending/uploads.ts";
import type { Storage } from "../../storage/storage.ts";

const TIMEOUT = "10 seconds";

/**
 * Finds the organizations of earlier examinations that were killed, or that still run, as far as the
 * store lists what they have left.
 */
export const leftovers = (layer: Storage["layer"]): Promise<ReadonlyArray<string>> =>
  ObjectStore.pipe(
    Effect.flatMap(({ list, parts }) =>
      Effect.forEach(["", INCOMING_PREFIX], (place) => {
        const prefix = `${place}${KEY_PREFIX}${ORGANIZATIONS}`;
        return Effect.all([
          // The service's key need not be allowed to list.
          Effect.orElseSucceed(list?.objects({ prefix, limit: 1000 }) ?? NOTHING, () => NONE),
          Effect.orElseSucceed(parts?.listOpen({ prefix }) ?? NOTHING, () => NONE),
        ]);
      }),
    ),
    Effect.map((pages) => [
      ...new Set(pages.flat().flatMap(({ found }) => found.map(({ key }) => organizationIn(key)))),
    ]),
    Effect.map((names) => names.filter((name) => !name.startsWith(ORGANIZATION))),
    Effect.provide(layer),
    Effect.timeout(TIMEOUT),
    Effect.orElseSucceed(() => []),
    Effect.runPromise,
  );

const NONE = { found: [] };
const NOTHING = Effect.succeed(NONE);

const organizationIn = (key: string) => key.replace(INCOMING_PREFIX, "").split("/")[1] ?? "";

/** Returns the command that removes everything of such an organization. */
export const removalOf = (organization: string): string =>
  `\`valetkey forget --org ${organization} --apply\``;
