import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type { CertifiedPromise } from "../../storage/certificate/certificate.ts";
import { CredentialsUnavailable, StoreUnavailable } from "../../../domain/errors.ts";
import { errorCode, errorReason } from "../../values/thrown.ts";
import {
  isTemporary,
  type Listener,
  type Listeners,
  NoAnswer,
  printable,
  withExchanges,
} from "../sending/exchange.ts";
import type { StorePromise } from "../promises/store-promise.ts";
import { type BuiltStore, newSubject } from "../subject/subject.ts";

/** A promise and its outcome. */
export interface Tried extends CertifiedPromise {
  /** The store was waited for in vain. */
  readonly isSilent?: boolean;
}

/** How often a promise is tried of a store that gives no answer to judge by. */
export const MOST_TRIES = 3;

const LONGEST_REASON = 1000;

/** Tries a promise once. It is not broken by a store that gives no answer, or one of another time. */
export async function tryPromise(
  { title: promise, needs, check }: StorePromise,
  store: BuiltStore,
  outside: Listeners,
): Promise<Tried> {
  const waiting = new Set<unknown>();
  let lost: string | undefined;
  const onRefusal = (refusal: unknown) => {
    if (isTemporary(refusal)) lost = refusal.reason;
    outside.onRefusal?.(refusal);
  };
  const onExchange: Listener = (sent, answer) => {
    waiting.add(sent);
    if (answer !== undefined) {
      waiting.delete(sent);
      const isFailure = answer.status >= 500 && answer.status !== 501;
      if (isFailure) lost = `the store answered with ${answer.status}`;
      // A server may fail over a header that it does not know, and go on.
      else if (needs.includes("unsigned headers")) lost = undefined;
    }
    outside.onExchange(sent, answer);
  };
  try {
    await within(
      "3 minutes",
      withExchanges({ ...outside, onExchange, onRefusal }, () => check(newSubject(store))),
    );
    return { promise, outcome: "kept" };
  } catch (cause) {
    const reason = printable(errorReason(cause)).slice(0, LONGEST_REASON);
    const isSilent = cause instanceof NoAnswer;
    const isUnavailable =
      cause instanceof StoreUnavailable || cause instanceof CredentialsUnavailable;
    if (isUnavailable) onRefusal(cause);
    const isCut = waiting.size > 0 && !isUnavailable && errorCode(cause) !== "ERR_ASSERTION";
    if (isSilent || isCut) lost = `the store did not answer: ${reason}`;
    return lost === undefined
      ? { promise, outcome: "broken", why: reason }
      : { promise, outcome: "not tried", why: printable(lost), isSilent };
  }
}

/** Fails with `NoAnswer` if a promise does not end in time. */
export const within = <A>(duration: Duration.Input & string, promise: Promise<A>): Promise<A> =>
  Effect.runPromise(
    Effect.tryPromise({ try: () => promise, catch: (cause) => cause }).pipe(
      Effect.timeoutOrElse({
        duration,
        orElse: () => Effect.fail(new NoAnswer(`there was no answer within ${duration}`)),
      }),
    ),
  );
