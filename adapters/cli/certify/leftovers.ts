import * as Effect from "effect/Effect";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { INCOMING_PREFIX, KEY_PREFIX } from "../../../domain/storage-key.ts";
import { ORGANIZATION, ORGANIZATIONS } from "../../contract/uploads.ts";
import type { Storage } from "../../storage/storage.ts";

const TIMEOUT = "10 seconds";

/**
 * Finds the organizations of earlier examinations that were killed, or that still run, as far as the
 * store lists what they have left.
 */
export const leftovers = (layer: Storage["layer"]): Promise<ReadonlyArray<string>> =>
  ObjectStore.pipe(
    Effect.flatMap(({ list, multipart }) =>
      Effect.forEach(["", INCOMING_PREFIX], (place) => {
        const prefix = `${place}${KEY_PREFIX}${ORGANIZATIONS}`;
        const files = list?.({ prefix, limit: 1000 }) ?? NOTHING;
        const uploads = multipart?.listOpen({ prefix }) ?? NOTHING;
        return Effect.all([namesIn(files), namesIn(uploads)]);
      }),
    ),
    Effect.map((names) => [...new Set(names.flat(2))]),
    Effect.provide(layer),
    Effect.timeout(TIMEOUT),
    Effect.orElseSucceed(() => []),
    Effect.runPromise,
  );

const NOTHING = Effect.succeed({ found: [] });

/** The organizations of a page but our own; none if the service's key may not list. */
const namesIn = <E>(
  page: Effect.Effect<{ readonly found: ReadonlyArray<{ readonly key: string }> }, E>,
) =>
  page.pipe(
    Effect.orElseSucceed(() => ({ found: [] })),
    Effect.map(({ found }) =>
      found
        .map(({ key }) => key.replace(INCOMING_PREFIX, "").split("/")[1] ?? "")
        .filter((name) => !name.startsWith(ORGANIZATION)),
    ),
  );

/** The command that removes everything of such an organization. */
export const removalOf = (organization: string): string =>
  `\`valetkey forget --org ${organization} --apply\``;
