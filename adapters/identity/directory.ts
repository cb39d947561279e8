import * as Cache from "effect/Cache";
import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Option from "effect/Option";
import * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import * as Semaphore from "effect/Semaphore";
import type { Organizations } from "../../application/ports/organizations.ts";
import { IdentityUnavailable } from "../../domain/errors.ts";
import { OrganizationId } from "../../domain/organization.ts";
import { Place } from "../../domain/place.ts";
import { type DirectorySettings, idFor, NOT_FOUND } from "./organizations.ts";
import { fetchJson, tooLate, within } from "./fetch-json.ts";

/** Limits for all callers, since names can be invented. `pending` includes `running`. */
const IN_ALL = { running: 32, pending: 1024 };
const PER_CALLER = { running: 4, pending: 64 };

/** Longest time for an answer, including the wait for its turn. */
const TIMEOUT = Duration.seconds(2);

const decode = Schema.decodeUnknownOption(
  Schema.Struct({
    id: OrganizationId,
    store: Schema.optionalKey(Schema.Unknown),
    from: Schema.optionalKey(Schema.Unknown),
  }),
);
const decodePlace = Schema.decodeUnknownOption(Place);

/** Stands for everybody whose question has no caller; no caller has this name. */
const STRANGERS = "";

/**
 * Asks an HTTP service for organizations: `GET url?slug=…&subject=…` answers 200 with `{"id": …}`
 * for a member, and 404 for everybody else. With several stores the answer may name one, and
 * `GET url?id=…` asks for that alone. Answers are cached for a minute, failures for a second.
 */
export const organizationsFromDirectory = ({ url, token }: DirectorySettings, capacity = 10_000) =>
  Effect.gen(function* () {
    const takeTurn = yield* turns(url);
    const headers: Record<string, string> =
      token === undefined ? {} : { Authorization: `Bearer ${Redacted.value(token)}` };
    const lookUp = Effect.fnUntraced(function* (question: string) {
      const asked = JSON.parse(question) as Question;
      const address = new URL(url);
      for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
      const { subject = STRANGERS } = asked;
      const { status, body } = yield* takeTurn(subject, fetchJson(address, headers));
      if (status === 404) return undefined;
      const answer = decode(body);
      if (Option.isNone(answer)) return yield* unexpectedAnswer(status);
      const { id, ...place } = answer.value;
      const isPlaced = Object.keys(place).length > 0;
      return { id, place: isPlaced ? decodePlace(place) : Option.some(undefined) };
    });
    const makeCache = Cache.makeWith(lookUp, {
      capacity,
      timeToLive: (exit) => {
        if (Exit.isSuccess(exit)) return Duration.minutes(1);
        // A request that was never sent is not cached.
        return Exit.findErrorOption(exit).pipe(Option.contains(TOO_MANY))
          ? Duration.zero
          : Duration.seconds(1);
      },
    });
    const members = yield* makeCache;
    // Apart, so that ids which strangers invent take the room of no member.
    const ids = yield* makeCache;
    const ask = (question: Question) =>
      Cache.get(question.id === undefined ? members : ids, JSON.stringify(question));
    const resolve: Organizations["Service"]["resolve"] = (principal, slug) =>
      Effect.flatMap(ask({ slug, subject: principal.subject }), (answer) =>
        answer === undefined || idFor(principal, slug) === undefined
          ? NOT_FOUND
          : Effect.succeed(answer.id),
      );
    const placeOf: Organizations["Service"]["placeOf"] = ({ organization: id, caller }) =>
      Effect.flatMap(
        // A member was let in by this answer a moment ago.
        ask(caller ? { slug: caller.slug, subject: caller.principal.subject } : { id }),
        (answer) => {
          if (answer === undefined && caller === undefined) return Effect.succeed(undefined);
          if (answer?.id !== id) return Effect.fail(OTHER_ID);
          return Option.match(answer.place, {
            onNone: () => Effect.fail(NO_PLACE),
            onSome: Effect.succeed,
          });
        },
      );
    return { resolve, placeOf };
  });

/** The parameters of a question. */
interface Question {
  readonly slug?: string;
  readonly subject?: string;
  readonly id?: string;
}

/**
 * Limits how many requests run at a time. Requests of one caller wait for each other first, so that
 * no caller waits behind all requests of another. Requests beyond those that may wait fail at once.
 */
const turns = Effect.fnUntraced(function* (url: URL) {
  const all = yield* Semaphore.make(IN_ALL.running);
  const callers = new Map<string, { readonly turn: Semaphore.Semaphore; count: number }>();
  let count = 0;
  return <A>(subject: string, request: Effect.Effect<A, IdentityUnavailable>) =>
    Effect.flatMap(Clock.currentTimeMillis, (start) => {
      const turn = Semaphore.makeUnsafe(PER_CALLER.running);
      const caller = callers.get(subject) ?? { turn, count: 0 };
      if (count >= IN_ALL.pending || caller.count >= PER_CALLER.pending) {
        return Effect.fail(TOO_MANY);
      }
      callers.set(subject, caller);
      count++;
      caller.count++;
      // A request whose turn comes too late is not sent.
      const punctual = Effect.flatMap(Clock.currentTimeMillis, (now) =>
        now - start < Duration.toMillis(TIMEOUT) ? request : Effect.fail(tooLate(url)),
      );
      return caller.turn.withPermit(all.withPermit(punctual)).pipe(
        within(TIMEOUT, url),
        Effect.ensuring(
          Effect.sync(() => {
            count--;
            if (--caller.count === 0) callers.delete(subject);
          }),
        ),
      );
    });
});

const TOO_MANY = new IdentityUnavailable({
  reason: `too many requests to ORGANIZATIONS_URL at once: more than ${PER_CALLER.pending} for one caller, or ${IN_ALL.pending} for all`,
});

const OTHER_ID = new IdentityUnavailable({
  reason: "ORGANIZATIONS_URL gave another id for an organization than it was asked about",
});

const NO_PLACE = new IdentityUnavailable({
  reason:
    "ORGANIZATIONS_URL gave no place: store, and from while files move, are the names of two stores",
});

const unexpectedAnswer = (status: number) =>
  new IdentityUnavailable({
    reason: `ORGANIZATIONS_URL gave an unexpected answer with status ${status}; it must be 404, or 200 with {"id": …}`,
  });
