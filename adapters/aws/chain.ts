import * as Effect from "effect/Effect";
import type { CredentialsUnavailable } from "../../application/ports/presigner.ts";
import { lookUp } from "../credentials/look-up.ts";
import { AWS4_HMAC_SHA256 } from "../signing/algorithms.ts";
import { type KeySigner, signWith } from "../signing/signer.ts";

/** The part of a credential provider that is used here. */
export type Chain = (options?: { readonly forceRefresh: boolean }) => Promise<{
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}>;

/**
 * The newest credentials that the chain can give: environment, profile, web identity, container
 * or instance role. One object for as long as they stay the same.
 */
export function signerOfChain(chain: Chain): Effect.Effect<KeySigner, CredentialsUnavailable> {
  let last: KeySigner | undefined;
  // The client keeps what it has until 5 minutes before its end; newer ones live longer.
  return lookUp("AWS", () => chain({ forceRefresh: true })).pipe(
    Effect.map(({ accessKeyId, secretAccessKey, sessionToken, expiration }) => {
      const isSame =
        last?.keys.accessKey === accessKeyId &&
        last.keys.secretKey === secretAccessKey &&
        last.keys.sessionToken === sessionToken &&
        last.expiresAt === expiration?.getTime();
      if (last !== undefined && isSame) return last;
      last = signWith(
        {
          algorithm: AWS4_HMAC_SHA256,
          accessKey: accessKeyId,
          secretKey: secretAccessKey,
          sessionToken,
        },
        expiration?.getTime(),
      );
      return last;
    }),
  );
}

/**
 * The same credentials for the official client. It is told that they are about to end, so that it
 * asks each time, which costs nothing, and never signs with others than we do.
 */
export const providerOf =
  (current: () => Promise<KeySigner>): (() => ReturnType<Chain>) =>
  async () => {
    const { accessKey, secretKey, sessionToken } = (await current()).keys;
    return {
      accessKeyId: accessKey,
      secretAccessKey: secretKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      expiration: new Date(0),
    };
  };
