import * as Effect from "effect/Effect";
import type { CredentialsUnavailable } from "../../../domain/errors.ts";
import { type QuerySigning, signQuery, type SigningKeys } from "./sign-query.ts";

/** What signs at the moment, and until when its signatures are good. */
export interface Signer {
  readonly sign: (signing: QuerySigning) => Effect.Effect<string, CredentialsUnavailable>;
  /** Milliseconds since 1970 from which the store refuses what it signed; never if undefined. */
  readonly expiresAt?: number | undefined;
  /** The longest that a signature is good for, in seconds, where that is less than 7 days. */
  readonly longestLife?: number;
}

/**
 * The credentials of the moment. They are what is held, without waiting, as long as `remaining`
 * milliseconds of their life are left at `now`, unless they are those that were `rejected`; else
 * newer ones are waited for, and it fails where there are none.
 */
export type Held<A> = (
  now: number,
  remaining: number,
  rejected?: object,
) => Effect.Effect<A, CredentialsUnavailable>;

/** What signs each method. */
export interface Signers<S extends Signer> {
  readonly put: Held<S>;
  readonly get: Held<S>;
}

/** Signs with keys that are here. */
export interface KeySigner<Secret = string> extends Signer {
  readonly keys: SigningKeys<Secret>;
}

/** A signer of one pair of keys, and with them one object. */
export const signWith = <Secret>(
  keys: SigningKeys<Secret>,
  expiresAt?: number,
): KeySigner<Secret> => ({
  keys,
  expiresAt,
  sign: (signing) => Effect.succeed(signQuery(keys, signing)),
});
