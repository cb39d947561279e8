import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import { UploadPending } from "../../domain/errors.ts";
import type { StorageKey } from "../../domain/storage-key.ts";
import { ObjectStore } from "../ports/object-store.ts";
import type { Progress } from "./promote-upload.ts";

/** The longest that a request waits; the work goes on, and the next request finds it. */
const LONGEST_WAIT = "15 seconds";

/** Makes a function that does work on a key once for all requests of this process that wait for it. */
export function shareWork<A, E>() {
  interface Work extends Progress {
    fiber?: Fiber.Fiber<A, E>;
  }
  const stores = new WeakMap<ObjectStore["Service"], Map<StorageKey, Work>>();
  return Effect.fnUntraced(function* <R>(
    key: StorageKey,
    run: (progress: Progress) => Effect.Effect<A, E, R>,
  ) {
    const store = yield* ObjectStore;
    const running = stores.get(store) ?? new Map<StorageKey, Work>();
    stores.set(store, running);
    const work: Work = running.get(key) ?? { state: "copying" };
    running.set(key, work);
    const end = Effect.sync(() => running.delete(key));
    work.fiber ??= yield* Effect.forkDetach(Effect.ensuring(run(work), end));
    return yield* Effect.timeoutOrElse(Fiber.join(work.fiber), {
      duration: LONGEST_WAIT,
      orElse: () => Effect.fail(new UploadPending({ state: work.state, retryAfter: 5 })),
    });
  });
}
