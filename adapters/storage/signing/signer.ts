import * as Effect from "effect/Effect";
import type { CredentialsUnavailable } from "../../../domain/errors.ts";
import { type QuerySigning, signQuery, type SigningKeys } from "./sign-query.ts";

/** A signer, and the end of its signatures. */
export interface Signer {
  readonly sign: (signing: QuerySigning) => Effect.Effect<string, CredentialsUnavailable>;
  /** Headers by which the service's own requests say who it is, where no query does. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The end of what it signed, in milliseconds since 1970; never if undefined. */
  readonly expiresAt?: number | undefined;
  /** The longest lifetime of a signature in seconds, if that is less than 7 days. */
  readonly longestLife?: number;
}

/**
 * Gives the present credentials. It returns the held ones without waiting if at least `remaining`
 * milliseconds of their life are left at `now` and they are not those that were `rejected`.
 * Otherwise it waits for newer ones, and fails if there are none.
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

/** A signer for one pair of keys; the same object for the same keys. */
export const signWith = <Secret>(
  keys: SigningKeys<Secret>,
  expiresAt?: number,
): KeySigner<Secret> => ({
  keys,
  expiresAt,
  sign: (signing) => Effect.succeed(signQuery(keys, signing)),
});
