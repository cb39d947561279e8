import * as Effect from "effect/Effect";
import type { CredentialsUnavailable } from "../../../domain/errors.ts";
import { type FormToSign, signForm } from "./sign-form.ts";
import { type QuerySigning, signQuery, type SigningKeys } from "./sign-query.ts";

/** A signer, and the end of its signatures. */
export interface Signer {
  readonly sign: (signing: QuerySigning) => Effect.Effect<string, CredentialsUnavailable>;
  /** The end of what it signed, in milliseconds since 1970; never if undefined. */
  readonly expiresAt?: number | undefined;
  /** The longest lifetime of a signature in seconds, if that is less than 7 days. */
  readonly longestLife?: number;
}

/** A signer that signs HTML forms too. */
export interface FormSigner extends Signer {
  /** All fields of the form, with the signature. */
  readonly signForm: (
    form: FormToSign,
  ) => Effect.Effect<Readonly<Record<string, string>>, CredentialsUnavailable>;
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
export interface KeySigner<Secret = string> extends FormSigner {
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
  signForm: (form) => Effect.succeed(signForm(keys, form)),
});
