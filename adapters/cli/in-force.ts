import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Scope from "effect/Scope";
import type { Peer } from "../http/env.ts";

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
 * Answers each request by the application that is in force when it comes. An application that is
 * replaced is closed once the last request that it began is answered.
 */
export const makeInForce = Effect.fnUntraced(function* <I, A extends Application, E, R>(
  build: (input: I) => Effect.Effect<A, E, R>,
  first: I,
) {
  const parent = yield* Effect.scope;
  const prepare = Effect.fnUntraced(function* (input: I) {
    const scope = yield* Scope.fork(parent);
    const app = yield* Scope.provide(build(input), scope).pipe(
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
    );
    return { app, scope, underWay: 0 } satisfies Prepared<A>;
  });
  let current: Prepared<A> = yield* prepare(first);
  const discard = ({ scope }: Prepared<A>) => void Effect.runFork(Scope.close(scope, Exit.void));
  return {
    prepare,
    discard,
    replaceBy: (next: Prepared<A>): void => {
      const last = current;
      current = next;
      if (last.underWay === 0) discard(last);
    },
    app: () => current.app,
    fetch: async (request: Request, peer: Peer): Promise<Response> => {
      const prepared = current;
      prepared.underWay++;
      try {
        return await prepared.app.fetch(request, peer);
      } finally {
        prepared.underWay--;
        if (prepared.underWay === 0 && prepared !== current) discard(prepared);
      }
    },
  };
});
