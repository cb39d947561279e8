import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as Option from "effect/Option";
import * as Predicate from "effect/Predicate";
import * as References from "effect/References";
import * as Schema from "effect/Schema";
import type { Authenticator } from "../../application/ports/authenticator.ts";
import type { Organizations } from "../../application/ports/organizations.ts";
import { IdentityUnavailable, OrganizationNotFound, Unauthenticated } from "../../domain/errors.ts";
import { OrganizationId } from "../../domain/organization.ts";
import { Place } from "../../domain/place.ts";
import { isRewritten, pathIn } from "../http/addresses.ts";
import { splitMessage } from "../telemetry/log.ts";
import { errorMessage } from "../values/thrown.ts";
import { principalFrom } from "./operations.ts";
import type { Awaitable, LogEntry, ValetkeyOptions } from "./valetkey.ts";

/** Authenticates callers by the host's function; without one, every caller is unknown. */
export const authenticatorFrom = (
  authenticate: ValetkeyOptions["authenticate"],
): Authenticator["Service"] => ({
  authenticate: ({ headers, address }) =>
    Effect.flatMap(
      // The routes pass on the headers of a `Request`.
      callHost(() => authenticate?.({ headers: headers as Headers, address })),
      (caller) =>
        Predicate.isNullish(caller) ? UNKNOWN : Effect.sync(() => principalFrom(caller)),
    ),
});

const UNKNOWN = Effect.fail(new Unauthenticated({ by: "host" }));

export const organizationsFrom = (
  organizations: ValetkeyOptions["organizations"],
  storeOf?: (organization: string) => Awaitable<unknown>,
): Organizations["Service"] => ({
  resolve: ({ subject, kind, scopes }, slug) =>
    Effect.flatMap(
      callHost(() => organizations(slug, { id: subject, kind, scopes: [...scopes] })),
      (id) =>
        Predicate.isNullish(id)
          ? Effect.fail(new OrganizationNotFound())
          : Option.match(decodeId(id), {
              onSome: Effect.succeed,
              onNone: () => Effect.die(new TypeError(NO_ID)),
            }),
    ),
  placeOf:
    storeOf &&
    (({ organization }) =>
      Effect.flatMap(
        callHost(() => storeOf(organization)),
        (place) =>
          Predicate.isNullish(place)
            ? Effect.succeed(undefined)
            : Option.match(decodePlace(typeof place === "string" ? { store: place } : place), {
                onSome: Effect.succeed,
                onNone: () => Effect.die(new TypeError(NO_PLACE)),
              }),
      )),
});

const decodePlace = Schema.decodeUnknownOption(Place);
const NO_PLACE =
  "storeOf() must give the name of one of stores, { store, from } with two such names, or undefined";

const decodeId = Schema.decodeUnknownOption(OrganizationId);
const NO_ID =
  "organizations() must give 1 to 64 letters, digits, _ and -, beginning with a letter or digit, or undefined";

/** Calls a host's function; if that fails, the caller stays unknown. */
const callHost = <A>(call: () => Awaitable<A>): Effect.Effect<A, IdentityUnavailable> =>
  Effect.flatMap(Effect.try({ try: call, catch: unavailable }), (result) =>
    // Waiting for a present value costs more than signing.
    Predicate.isPromiseLike(result)
      ? Effect.tryPromise({ try: () => result, catch: unavailable })
      : Effect.succeed(result),
  );

const unavailable = (cause: unknown) => new IdentityUnavailable({ reason: errorMessage(cause) });

/**
 * Returns a function that is true for a path, exactly as it was sent, that is one of `paths`. A
 * path that would have to be normalized is not: a host that guards `/api` does not recognize
 * `/f/../api/v1/…`.
 */
export function pathMatcher(paths: ReadonlyArray<string>): (path: string) => boolean {
  const patterns = paths.map((path) => path.split("/"));
  return (path) => {
    if (isRewritten(path)) return false;
    const segments = path.split("/");
    return patterns.some((pattern) => matches(segments, pattern));
  };
}

// Not Hono's router, for which "/store/*" includes "/store", which belongs to the host.
const matches = (segments: ReadonlyArray<string>, pattern: ReadonlyArray<string>): boolean =>
  (segments.length === pattern.length || pattern.at(-1) === "*") &&
  pattern.every((part, at) =>
    part.startsWith(":")
      ? segments[at]
      : part === segments[at] || (part === "*" && at < segments.length),
  );

/**
 * Logs once what to do if requests come with a path prefix that `basePath` does not name, since the
 * addresses in answers lack the prefix.
 */
export function mountWarner(
  isOurs: (path: string) => boolean,
  log: (entry: LogEntry) => unknown,
): (url: string) => void {
  let isKnown = false;
  return (url) => {
    if (isKnown) return;
    const path = pathIn(url);
    const [, prefix] = MOUNTED.exec(path) ?? [];
    isKnown = prefix !== undefined || isOurs(path);
    if (prefix === undefined || isOurs(path)) return;
    const message = `requests come under ${prefix}, so addresses in answers lead nowhere: set basePath: "${prefix}"`;
    log({ level: "warn", message, facts: {} });
  };
}

/** Text from strangers is logged only if it is short and plain. */
const MOUNTED = /^(\/[\w./~-]{1,100}?)\/api\/v1\/orgs\//;

/** Hands the log to the host, or warnings and errors to the console. */
export function logTo(log: ((entry: LogEntry) => void) | undefined): Layer.Layer<never> {
  const write = logFrom(log);
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
    const { text, facts } = splitMessage(message);
    write({ level: LEVELS.get(logLevel) ?? "debug", message: text, facts });
  });
  const lowest = log === undefined ? "Warn" : "Debug";
  return Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, lowest));
}

/** Makes a log that never fails: an error in the host's log ends no request. */
export const logFrom = (
  log: ((entry: LogEntry) => unknown) | undefined,
): ((entry: LogEntry) => unknown) =>
  log === undefined
    ? toConsole
    : async (entry) => {
        try {
          await log(entry);
        } catch (cause) {
          toConsole({ level: "error", message: "log() failed", facts: { cause } });
        }
      };

const LEVELS: ReadonlyMap<string, LogEntry["level"]> = new Map([
  ["Info", "info"],
  ["Warn", "warn"],
  ["Error", "error"],
  ["Fatal", "error"],
]);

export function toConsole({ level, message, facts }: LogEntry): void {
  const pairs = Object.entries(facts).map(([name, value]) => ` ${name}=${String(value)}`);
  console[level](`valetkey: ${message}${pairs.join("")}`);
}
