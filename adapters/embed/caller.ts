import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Predicate from "effect/Predicate";
import * as Schema from "effect/Schema";
import type { Authenticator } from "../../application/ports/authenticator.ts";
import type { Organizations } from "../../application/ports/organizations.ts";
import { SizeText } from "../../domain/byte-size.ts";
import { IdentityUnavailable, OrganizationNotFound, Unauthenticated } from "../../domain/errors.ts";
import { OrganizationId } from "../../domain/organization.ts";
import { DEFAULT_SCOPES, type Principal, Scope, Subject } from "../../domain/principal.ts";
import { CallerKind } from "../../domain/upload-policy.ts";
import { errorMessage } from "../values/thrown.ts";
import type { Caller } from "./call-context.ts";
import type { Awaitable, ValetkeyOptions } from "./valetkey-options.ts";

/** Converts a host's caller to a principal; throws a `TypeError` if it has the wrong shape. */
export function principalFrom(caller: Caller): Principal {
  if (!Predicate.isObject(caller)) throw new TypeError("caller must be { id, kind?, scopes? }");
  const { id, kind = "user", scopes, bytesPerDay } = caller;
  if (!isSubject(id)) throw new TypeError("caller.id must be 1 to 256 printable characters");
  if (!isKind(kind)) throw new TypeError('caller.kind must be "user" or "service"');
  if (scopes !== undefined && !(Array.isArray(scopes) && scopes.every(isScope))) {
    throw new TypeError(
      'caller.scopes must be a list of "write", "read", "confirm", "list" and "remove"',
    );
  }
  const quota = bytesPerDay === undefined ? undefined : decodeSize(bytesPerDay);
  if (quota !== undefined && Option.isNone(quota)) {
    throw new TypeError('caller.bytesPerDay must be a number of bytes, or text such as "5 GiB"');
  }
  return {
    kind,
    subject: id,
    bytesPerDay: quota && Option.getOrUndefined(quota),
    scopes: scopes === undefined ? DEFAULT_SCOPES : new Set(scopes),
    // The host's own function decides which organizations are whose.
    organizations: "every",
  };
}

const isSubject = Schema.is(Subject);
const decodeSize = Schema.decodeUnknownOption(SizeText);
const isKind = Schema.is(CallerKind);
const isScope = Schema.is(Scope);

/** Authenticates callers by the host's function; without one no caller is known. */
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
});

const decodeId = Schema.decodeUnknownOption(OrganizationId);
const NO_ID =
  "organizations() must give 1 to 64 letters, digits, _ and -, beginning with a letter or digit, or undefined";

/** The result of a host's function; if it fails, nobody can tell who the caller is. */
const callHost = <A>(call: () => Awaitable<A>): Effect.Effect<A, IdentityUnavailable> =>
  Effect.flatMap(Effect.try({ try: call, catch: unavailable }), (given) =>
    // To wait for what is there already costs more than to sign.
    Predicate.isPromiseLike(given)
      ? Effect.tryPromise({ try: () => given, catch: unavailable })
      : Effect.succeed(given),
  );

const unavailable = (cause: unknown) => new IdentityUnavailable({ reason: errorMessage(cause) });
