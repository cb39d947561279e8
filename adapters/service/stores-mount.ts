import * as Effect from "effect/Effect";
import type { StoreUnavailable } from "../../domain/errors.ts";
import type { StoreName } from "../../domain/place.ts";
import { basePathAt } from "../http/addresses.ts";
import type { Mount } from "../http/options.ts";
import { asResponse } from "../http/problems/answer-problem.ts";
import { problemFrom } from "../http/problems/problem.ts";
import { NotFound } from "../http/problems/refusals.ts";
import { type Storage, STORES_PATH } from "../storage/storage.ts";

type Answer = Effect.Effect<Response, NotFound | StoreUnavailable>;

/** Makes the mount at which embedded stores answer by their names. */
export const storesMount = Effect.fnUntraced(function* (
  publicUrl: URL,
  /** Opens a store, and keeps it open while an answer is made. */
  during: (
    name: StoreName,
    answer: (store: { readonly storage: Storage }) => Answer,
  ) => Answer | undefined,
) {
  const run = Effect.runPromiseWith(yield* Effect.context());
  const base = `${basePathAt(publicUrl)}/`;
  return {
    path: STORES_PATH,
    fetch: (request, onAnnounced) => {
      const { pathname } = new URL(request.url);
      const path = pathname.startsWith(base) ? pathname.slice(base.length) : pathname.slice(1);
      const [, name = ""] = path.split("/");
      // Names of the document alone are among the stores.
      const answer = during(name as StoreName, ({ storage: { fetch } }) =>
        fetch === undefined
          ? NOT_FOUND
          : Effect.promise(() => fetch(request, (key) => onAnnounced(key, name as StoreName))),
      );
      return run(
        Effect.match(answer ?? NOT_FOUND, {
          onFailure: (refusal) => asResponse(problemFrom(refusal)),
          onSuccess: (answer) => answer,
        }),
      );
    },
  } satisfies Mount;
});

const NOT_FOUND = Effect.fail(new NotFound());
