import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type { GetRequest, ObjectRequest } from "../../../application/ports/presigner.ts";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import type { Signer } from "./signer.ts";

/** The life that credentials must have left for a request, in milliseconds. */
export const lifeNeeded = ({ lifetime, minLifetime }: ObjectRequest): number =>
  Math.min(Duration.toMillis(lifetime), Duration.toMillis(minLifetime));

/**
 * The lifetime of a signature made at `now`, in whole seconds, as the URL states it: the requested
 * lifetime, or less if its credentials expire sooner.
 */
export function secondsOfLife(
  { lifetime }: ObjectRequest,
  { expiresAt = Infinity, longestLife = Infinity }: Pick<Signer, "expiresAt" | "longestLife">,
  now: number,
): number {
  const left = Math.floor(expiresAt / 1000) - Math.floor(now / 1000);
  return Math.min(Duration.toSeconds(lifetime), longestLife, left);
}

/** When the store begins to refuse a signature made at `now`, in whole seconds. */
export const endOf = (now: number, seconds: number): DateTime.Utc =>
  DateTime.makeUnsafe((Math.floor(now / 1000) + seconds) * 1000);

/** The time that a signature made at `now` states: now, or the beginning of the window. */
export function signingTime(request: ObjectRequest | GetRequest, now: number): number {
  const window = "window" in request && request.window ? Duration.toMillis(request.window) : 0;
  return window > 0 ? Math.floor(now / window) * window : now;
}

/** Seconds are rounded down; a lifetime one second short is accepted. */
export const tooShortLived = (seconds: number) =>
  Effect.fail(
    new CredentialsUnavailable({
      reason: `a URL could only live for ${seconds} seconds, since the credentials expire then; the policy's min_lifetime is longer`,
    }),
  );
