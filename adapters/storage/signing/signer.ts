import * as Effect from "effect/Effect";
import type { CredentialsUnavailable } from "../../../domain/errors.ts";
import { type QuerySigning, signQuery, type SigningKeys } from "./sign-query.ts";

/** A signer, and the end of its signatures. */
export interface Signer {
  readonly sign: (signing: QuerySigning) => Effect.Effect<string, CredentialsUnavailable>;
  /** Headers that authenticate the service's own requests, if the query does not. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The end of its signatures, in milliseconds since 1970; never if undefined. */
  readonly expiresAt?: number | undefined;
  /** The longest lifetime of a signature in seconds, if that is less than 7 days. */
  readonly longestLife?: number;
}

/**
 * Returns the present credentials: the held ones without waiting if at least `remaining`
 * milliseconds of their life are left at `now` and they are not the `rejected` ones. Otherwise it
 * waits for newer ones, and fails if there are none.
 */
export type CredentialSource<A> = (
  now: number,
  remaining: number,
  rejected?: object,
) => Effect.Effect<A, CredentialsUnavailable>;

/** Signs with keys in this process. */
export interface KeySigner<Secret = string> extends Signer {
  readonly keys: SigningKeys<Secret>;
}

/** Makes a signer for one pair of keys; the same object for the same keys. */
export const signWith = <Secret>(
  keys: SigningKeys<Secret>,
  expiresAt?: number,
): KeySigner<Secret> => ({
  keys,
  expiresAt,
  sign: (signing) => Effect.succeed(signQuery(keys, signing)),
});
