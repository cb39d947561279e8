import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Scope from "effect/Scope";
import type { Peer } from "../http/env.ts";
import { errorReason } from "../thrown.ts";
import type { Configuration, Reloads, Take } from "./configuration.ts";
import type { Settings } from "./settings.ts";

interface Application {
  readonly fetch: (request: Request, peer: Peer) => Response | Promise<Response>;
}

/**
 * Answers each request by the application that is in force when it comes. One that is replaced is
 * closed once the last request that it began is answered.
 */
export const makeLive = Effect.fnUntraced(function* <A extends Application, E, R>(
  build: (settings: Settings, reloads: () => Reloads) => Effect.Effect<A, E, R>,
  { settings: first }: Configuration,
  begun: Reloads,
) {
  const parent = yield* Effect.scope;
  const services = yield* Effect.context<Exclude<R, Scope.Scope>>();
  let reloads = begun;

  const start = Effect.fnUntraced(function* (settings: Settings) {
    const scope = yield* Scope.fork(parent);
    const close = (exit: Exit.Exit<unknown, unknown>) => Scope.close(scope, exit);
    const app = yield* build(settings, () => reloads).pipe(
      Scope.provide(scope),
      Effect.onError((cause) => close(Exit.failCause(cause))),
    );
    return { app, settings, underWay: 0, close: () => void Effect.runFork(close(Exit.void)) };
  });
  let current = yield* start(first);

  const take: Take = (next, now) =>
    Effect.gen(function* () {
      const last = current;
      if (next.settings !== last.settings) {
        current = yield* start(next.settings);
        if (last.underWay === 0) last.close();
      }
      reloads = now;
    }).pipe(
      Effect.catchDefect((defect) => Effect.fail(defect)),
      Effect.mapError(errorReason),
      Effect.provideContext(services),
    );
  return {
    take,
    reloads: () => reloads,
    app: () => current.app,
    settings: () => current.settings,
    fetch: async (request: Request, peer: Peer): Promise<Response> => {
      const begun = current;
      begun.underWay++;
      try {
        return await begun.app.fetch(request, peer);
      } finally {
        begun.underWay--;
        if (begun.underWay === 0 && begun !== current) begun.close();
      }
    },
  };
});
