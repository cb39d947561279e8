import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import type * as Scope from "effect/Scope";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import { observe, series } from "../../values/metrics.ts";
import { errorReason } from "../../values/thrown.ts";
import type { CredentialSource } from "../signing/signer.ts";

/** A value that may expire, at a time in milliseconds since 1970. */
export interface Expiring {
  readonly expiresAt?: number | undefined;
}

/** A value that never expires or changes. */
export const always = <A>(value: A): CredentialSource<A> => {
  const held = Effect.succeed(value);
  return () => held;
};

/** Returns the held value, even if it expires soon. */
export const current = <A>(held: CredentialSource<A>): Effect.Effect<A, CredentialsUnavailable> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => held(now, 0));

const SECOND = 1000;
const OBTAIN_TIMEOUT = "10 seconds";
const MAX_BACK_OFF = 30 * SECOND;
/** Longest timer that is needed; timers cannot be set for much longer. */
const MAX_PAUSE = 24 * 60 * 60 * SECOND;

/**
 * Renews the result of `obtain` when half of its life is over, or every `recheck` milliseconds. A
 * failure is retried after 1 to 30 seconds. Callers share one attempt, and none starts another
 * within a second of a failed one.
 */
export const hold = Effect.fnUntraced(function* <A extends Expiring>(
  obtain: Effect.Effect<A, CredentialsUnavailable>,
  recheck?: number,
): Effect.fn.Return<CredentialSource<A>, never, Scope.Scope> {
  let held: A | undefined;
  let last:
    | { readonly at: number; readonly exit: Exit.Exit<A, CredentialsUnavailable> }
    | undefined;
  let pending: Fiber.Fiber<A, CredentialsUnavailable> | undefined;
  const scope = yield* Effect.scope;

  // In the scope, so that the caller who started it can leave while others wait.
  const attempt = obtain.pipe(
    Effect.timeoutOrElse({
      duration: OBTAIN_TIMEOUT,
      orElse: () =>
        Effect.fail(unavailable(`no credentials were obtained within ${OBTAIN_TIMEOUT}`)),
    }),
    Effect.catchDefect((defect) => Effect.fail(unavailable(String(defect)))),
    Effect.flatMap((value) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => withLife(value, now, 1)),
    ),
    Effect.onExit((exit) =>
      Effect.map(Clock.currentTimeMillis, (at) => {
        if (Exit.isSuccess(exit)) held = exit.value;
        last = { at, exit };
        pending = undefined;
      }),
    ),
    Effect.forkIn(scope),
    Effect.tap((fiber) => Effect.sync(() => (pending = fiber))),
  );
  const renew = Effect.suspend(() =>
    Effect.flatMap(pending === undefined ? attempt : Effect.succeed(pending), Fiber.join),
  );

  yield* Effect.gen(function* () {
    let reported: string | undefined;
    let failures = 0;
    while (true) {
      const reason = yield* Effect.match(renew, {
        onSuccess: () => undefined,
        onFailure: (failure) => failure.reason,
      });
      failures = reason === undefined ? 0 : failures + 1;
      if (reason !== reported) {
        yield* reason === undefined
          ? Effect.logInfo("credentials were obtained again")
          : Effect.logWarning("credentials could not be obtained", { reason });
        reported = reason;
      }
      const half = remainingLife(held, yield* Clock.currentTimeMillis) / 2;
      const pause =
        failures > 0
          ? Math.min(SECOND * 2 ** (failures - 1), recheck ?? MAX_BACK_OFF)
          : Math.min(recheck ?? Infinity, Math.max(SECOND, half));
      if (pause === Infinity) return;
      yield* Effect.sleep(Math.min(pause, MAX_PAUSE));
    }
  }).pipe(Effect.forkScoped);

  return (now, remaining, rejected) => {
    if (held !== undefined && held !== rejected && remainingLife(held, now) >= remaining) {
      return Effect.succeed(held);
    }
    const isRecent = last !== undefined && Math.abs(now - last.at) < SECOND;
    const renewed = last !== undefined && isRecent && pending === undefined ? last.exit : renew;
    return Effect.flatMap(renewed, (value) => withLife(value, now, remaining));
  };
});

/** Reports the remaining life of each use's credentials, if metrics are read. */
export const observeLife = Effect.fnUntraced(function* (
  uses: Readonly<Record<string, CredentialSource<Expiring>>>,
) {
  const context = yield* Effect.context();
  const clock = yield* Clock.Clock;
  for (const [use, held] of Object.entries(uses)) {
    const read = () => {
      const now = clock.currentTimeMillisUnsafe();
      // A held value is returned at once, without a call.
      const exit = held(now, -Infinity);
      const isHeld = Exit.isExit(exit) && Exit.isSuccess(exit);
      return remainingLife(isHeld ? (exit.value as Expiring) : undefined, now) / SECOND;
    };
    const metric = series("valetkey_credentials_remaining_seconds", { use });
    const { remove } = observe(context, { metric, read });
    yield* Effect.addFinalizer(() => Effect.sync(remove));
  }
});

function withLife<A extends Expiring>(value: A, now: number, remaining: number) {
  const life = remainingLife(value, now);
  if (life >= remaining) return Effect.succeed(value);
  if (Number.isNaN(life)) {
    return Effect.fail(unavailable("the time at which the credentials expire cannot be read"));
  }
  const state = life > 0 ? `expire in ${Math.floor(life / SECOND)} seconds` : "have expired";
  return Effect.fail(
    unavailable(`the credentials ${state}, and newer ones could not be obtained yet`),
  );
}

const unavailable = (reason: string) => new CredentialsUnavailable({ reason });

const remainingLife = (value: Expiring | undefined, now: number) =>
  (value?.expiresAt ?? Infinity) - now;

/** Looks something up, which can take a slow network call. */
export const lookUp = <A>(
  cloud: string,
  ask: () => Promise<A>,
): Effect.Effect<A, CredentialsUnavailable> =>
  Effect.tryPromise({
    try: ask,
    catch: (cause) => unavailable(`no ${cloud} credentials: ${errorReason(cause)}`),
  });
