import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import type { GetRequest, PutRequest } from "../../../application/ports/presigner.ts";
import type { Signer } from "./signer.ts";

/** How much life credentials must have left for a request, in milliseconds. */
export const lifeNeeded = ({ lifetime, minLifetime }: PutRequest | GetRequest): number =>
  Duration.toMillis(Duration.min(lifetime, minLifetime));

/**
 * How long the signature made at `now` lives, in whole seconds, as it is counted in the URL: the
 * lifetime asked for, and not longer than what signs it.
 */
export function secondsOfLife(
  { lifetime }: PutRequest | GetRequest,
  { expiresAt = Infinity, longestLife = Infinity }: Pick<Signer, "expiresAt" | "longestLife">,
  now: number,
): number {
  const left = Math.floor(expiresAt / 1000) - Math.floor(now / 1000);
  return Math.min(Duration.toSeconds(lifetime), longestLife, left);
}

/** The instant from which the store refuses what was signed at `now`, which counts by seconds. */
export const endOf = (now: number, seconds: number): DateTime.Utc =>
  DateTime.makeUnsafe((Math.floor(now / 1000) + seconds) * 1000);

/** The moment that a signature made at `now` says it was made: now, or the window's beginning. */
export function signingTime(request: PutRequest | GetRequest, now: number): number {
  const window = "window" in request && request.window ? Duration.toMillis(request.window) : 0;
  return window > 0 ? Math.floor(now / window) * window : now;
}
