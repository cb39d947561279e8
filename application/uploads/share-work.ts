import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import { UploadPending } from "../../domain/errors.ts";
import type { Receipt } from "../../domain/receipt.ts";
import type { StorageKey } from "../../domain/storage-key.ts";
import { ObjectStore } from "../ports/object-store.ts";

/** Longest wait of a request; the work goes on, and the next request finds its result. */
const LONGEST_WAIT = "15 seconds";

/** The progress of shared work, for the requests that wait for it. */
export interface Progress {
  state: UploadPending["state"];
}

/** Makes a function that works on a waiting upload once for all requests of this process. */
export function shareWork<Task extends { readonly receipt: Receipt }, A, E, R>(
  work: (task: Task, progress: Progress) => Effect.Effect<A, E, R>,
) {
  interface Work extends Progress {
    fiber?: Fiber.Fiber<A, E>;
  }
  const stores = new WeakMap<ObjectStore["Service"], Map<StorageKey, Work>>();
  return Effect.fnUntraced(function* (task: Task) {
    const { key, incoming } = task.receipt;
    if (incoming !== true) return yield* work(task, { state: "copying" });
    const store = yield* ObjectStore;
    const running = stores.get(store) ?? new Map<StorageKey, Work>();
    stores.set(store, running);
    const shared: Work = running.get(key) ?? { state: "copying" };
    running.set(key, shared);
    const end = Effect.sync(() => running.delete(key));
    shared.fiber ??= yield* Effect.forkDetach(Effect.ensuring(work(task, shared), end));
    return yield* Effect.timeoutOrElse(Fiber.join(shared.fiber), {
      duration: LONGEST_WAIT,
      orElse: () => Effect.fail(new UploadPending({ state: shared.state, retryAfter: 5 })),
    });
  });
}
