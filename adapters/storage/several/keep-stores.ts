import * as Cause from "effect/Cause";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import * as Layer from "effect/Layer";
import * as Schedule from "effect/Schedule";
import * as Scope from "effect/Scope";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import type { Presigner } from "../../../application/ports/presigner.ts";
import type { StoreContext } from "../../../application/ports/stores.ts";
import { aroundStore } from "../../../application/store/store-calls.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { DEFAULT_STORE, type StoreName } from "../../../domain/place.ts";
import { errorReason } from "../../values/thrown.ts";

export type StorePorts = Context.Context<ObjectStore | Presigner>;

/** How stores are opened. */
interface Opening<Store> {
  readonly layerOf: (
    name: StoreName,
    store: Store,
  ) => Layer.Layer<ObjectStore | Presigner, StoreUnavailable>;
  /** Adds what is not of the store itself. */
  readonly contextOf: (name: StoreName, store: Store, ports: StorePorts) => StoreContext;
}

/** A store that is open, is being opened, or was never used or not for a while. */
interface Kept<Store> {
  readonly name: StoreName;
  readonly store: Store;
  /** Its context, as the answer to whoever asks. */
  open?: Exit.Exit<StoreContext> | undefined;
  ports?: StorePorts | undefined;
  opening?: Fiber.Fiber<StoreContext, StoreUnavailable> | undefined;
  /** Undefined for a store that stays open. */
  scope?: Scope.Closeable | undefined;
  /** Calls to the store, and requests to an embedded one, that are under way. */
  calls: number;
  /** The minute in which it was last used. */
  minute: number;
}

const OPEN_TIMEOUT = "10 seconds";

/** Minutes without use after which a store is closed. */
const IDLE = 15;

/**
 * Opens stores when they are first used, and closes those that are idle, until the scope closes.
 * Not an `RcMap`: there, each request would need a scope of its own to say that it has ended, and an
 * open store is looked up for every signature.
 */
export const keepStores = Effect.fnUntraced(function* <
  Store extends { readonly fingerprint: string },
>({ layerOf, contextOf }: Opening<Store>) {
  const whole = yield* Effect.scope;
  let stores: ReadonlyMap<StoreName, Kept<Store>> = new Map();
  /** Taken out of the document while they were open. */
  const retired = new Set<Kept<Store>>();
  let minute = 0;

  /** Keeps a store open until the work has ended. */
  const using = <A, E, R>(kept: Kept<Store>, work: () => Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      kept.calls++;
      return Effect.onExit(Effect.suspend(work), () =>
        Effect.sync(() => {
          kept.calls--;
          kept.minute = minute;
        }),
      );
    });

  const counted = (kept: Kept<Store>, ports: StorePorts): StorePorts =>
    Context.add(
      ports,
      ObjectStore,
      aroundStore(Context.get(ports, ObjectStore), (_, made) => using(kept, () => made)),
    );

  const openIn = (kept: Kept<Store>, scope: Scope.Closeable) =>
    Layer.buildWithScope(layerOf(kept.name, kept.store), scope).pipe(
      // Such as a warning about its key.
      Effect.annotateLogs("store", kept.name),
      Effect.timeoutOrElse({ duration: OPEN_TIMEOUT, orElse: () => Effect.fail(TOO_LATE) }),
      // Such as a package that is not installed: other stores go on.
      Effect.catchCause((cause) => Effect.fail(unopened(kept.name, cause))),
      Effect.map((ports) => {
        kept.ports = counted(kept, ports);
        kept.scope = scope;
        const context = contextOf(kept.name, kept.store, kept.ports);
        kept.open = Exit.succeed(context);
        // It was replaced meanwhile.
        if (stores.get(kept.name) !== kept) retired.add(kept);
        return context;
      }),
      Effect.onExit((exit) => {
        kept.opening = undefined;
        kept.minute = minute;
        return Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, exit);
      }),
    );

  /** Opens in the scope of all, so that the request which began it can leave while others wait. */
  const opening = (kept: Kept<Store>) =>
    Effect.suspend(() =>
      kept.opening === undefined
        ? Scope.fork(whole).pipe(
            Effect.flatMap((scope) => Effect.forkIn(openIn(kept, scope), whole)),
            Effect.tap((fiber) => Effect.sync(() => (kept.opening = fiber))),
          )
        : Effect.succeed(kept.opening),
    ).pipe(Effect.flatMap(Fiber.join));

  const close = (kept: Kept<Store>) => {
    const { scope } = kept;
    retired.delete(kept);
    kept.open = kept.ports = kept.scope = undefined;
    return scope === undefined ? Effect.void : Scope.close(scope, Exit.void);
  };

  const closeIdle = Effect.suspend(() => {
    minute++;
    const isIdle = (kept: Kept<Store>) =>
      kept.scope !== undefined && kept.calls === 0 && minute - kept.minute > IDLE;
    return Effect.forEach([...stores.values(), ...retired].filter(isIdle), close, {
      discard: true,
    });
  });
  yield* Effect.forkScoped(Effect.repeat(closeIdle, Schedule.spaced("1 minute")));

  return {
    /** Returns an open store at once. Fails for a name that no store has. */
    named: (name: StoreName): Effect.Effect<StoreContext, StoreUnavailable> => {
      const kept = stores.get(name);
      if (kept === undefined) return Effect.fail(unknown(name));
      kept.minute = minute;
      return kept.open ?? opening(kept);
    },
    /** Replaces all stores. One whose settings are the same stays open. */
    replace: (named: ReadonlyMap<StoreName, Store>) => {
      const earlier = stores;
      stores = new Map(
        [...named].map(([name, store]) => {
          const kept = earlier.get(name);
          return [
            name,
            kept?.store.fingerprint === store.fingerprint
              ? kept
              : { name, store, calls: 0, minute },
          ];
        }),
      );
      for (const kept of earlier.values()) {
        if (stores.get(kept.name) !== kept && kept.open !== undefined) retired.add(kept);
      }
    },
    /** Takes in a store that stays open. */
    adopt: (name: StoreName, store: Store, ports: StorePorts) => {
      const kept: Kept<Store> = { name, store, calls: 0, minute, ports };
      kept.open = Exit.succeed(contextOf(name, store, ports));
      stores = new Map([...stores, [name, kept]]);
    },
    /** Makes the contexts of open stores again; requests keep those that they began with. */
    refresh: () => {
      for (const kept of stores.values()) {
        if (kept.ports === undefined) continue;
        kept.open = Exit.succeed(contextOf(kept.name, kept.store, kept.ports));
      }
    },
    /** Returns a store as it is configured, open or not. */
    find: (name: StoreName): Store | undefined => stores.get(name)?.store,
    /** Opens a store, and keeps it open while it is used; undefined if there is none. */
    during: <A, E, R>(name: StoreName, use: (store: Store) => Effect.Effect<A, E, R>) => {
      const kept = stores.get(name);
      return (
        kept && using(kept, () => Effect.flatMap(kept.open ?? opening(kept), () => use(kept.store)))
      );
    },
  };
});

const unknown = (name: string) => {
  const beside = name === DEFAULT_STORE ? ", set STORAGE_ADAPTER" : "";
  return new StoreUnavailable({
    kind: "refused",
    reason: `there is no store ${name}: add it to STORES${beside}, or say another for the organization`,
  });
};

const TOO_LATE = new StoreUnavailable({
  kind: "timeout",
  reason: `it was not opened within ${OPEN_TIMEOUT}`,
});

const unopened = (name: StoreName, cause: Cause.Cause<StoreUnavailable>) =>
  new StoreUnavailable({
    kind: "refused",
    reason: `the store ${name} cannot be used: ${errorReason(Cause.squash(cause))}`,
  });
