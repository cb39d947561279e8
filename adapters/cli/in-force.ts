import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Scope from "effect/Scope";
import type { PartState } from "../../application/check-readiness.ts";
import type { Peer } from "../http/env.ts";
import { errorReason } from "../thrown.ts";
import type { Server } from "./make-reload.ts";
import type { Settings } from "./settings.ts";

/** The state of the configuration of this process: failing if the last reload was refused. */
export interface ConfigurationState extends PartState {
  /** When the configuration in force was loaded. */
  readonly loadedAt: DateTime.Utc;
  /** Numbers of reloads. */
  readonly accepted: number;
  readonly refused: number;
}

interface Application {
  readonly fetch: (request: Request, peer: Peer) => Response | Promise<Response>;
}

/** An application that is ready to answer, with what it is built of. */
interface Prepared<A> {
  readonly app: A;
  readonly scope: Scope.Closeable;
  underWay: number;
}

/**
 * Serves a configuration: each request is answered by the application that is in force when it
 * comes. An application that is replaced is closed once the last request that it began is answered.
 */
export const makeInForce = Effect.fnUntraced(function* <A extends Application, E, R>(
  build: (settings: Settings, state: () => ConfigurationState) => Effect.Effect<A, E, R>,
  first: Settings,
) {
  const parent = yield* Effect.scope;
  const services = yield* Effect.context<Exclude<R, Scope.Scope>>();
  const since = yield* DateTime.now;
  let state: ConfigurationState = {
    state: "ok",
    since,
    loadedAt: since,
    accepted: 0,
    refused: 0,
  };

  const begin = Effect.fnUntraced(function* (settings: Settings) {
    const scope = yield* Scope.fork(parent);
    const app = yield* Scope.provide(
      build(settings, () => state),
      scope,
    ).pipe(Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))));
    return { app, scope, underWay: 0 } satisfies Prepared<A>;
  });
  const close = ({ scope }: Prepared<A>) => void Effect.runFork(Scope.close(scope, Exit.void));

  let current: Prepared<A> = yield* begin(first);
  let prepared: Prepared<A> | undefined;
  const server: Server = {
    prepare: ({ settings }) =>
      begin(settings).pipe(
        Effect.map((next) => void (prepared = next)),
        Effect.catchDefect((defect) => Effect.fail(defect)),
        Effect.mapError(errorReason),
        Effect.provideContext(services),
      ),
    commit: Effect.map(DateTime.now, (now) => {
      const { accepted, refused } = state;
      state = { state: "ok", since: now, loadedAt: now, accepted: accepted + 1, refused };
      if (prepared === undefined) return;
      const last = current;
      current = prepared;
      prepared = undefined;
      if (last.underWay === 0) close(last);
    }),
    refuse: (reason) =>
      Effect.map(DateTime.now, (now) => {
        const since = state.state === "failing" ? state.since : now;
        state = { ...state, state: "failing", since, reason, refused: state.refused + 1 };
        if (prepared !== undefined) close(prepared);
        prepared = undefined;
      }),
  };
  return {
    ...server,
    state: () => state,
    app: () => current.app,
    fetch: async (request: Request, peer: Peer): Promise<Response> => {
      const begun = current;
      begun.underWay++;
      try {
        return await begun.app.fetch(request, peer);
      } finally {
        begun.underWay--;
        if (begun.underWay === 0 && begun !== current) close(begun);
      }
    },
  };
});
