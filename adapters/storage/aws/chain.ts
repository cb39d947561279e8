import type { S3ClientConfig } from "@aws-sdk/client-s3";
import * as Effect from "effect/Effect";
import type { CredentialsUnavailable } from "../../../domain/errors.ts";
import { neededBy } from "../../settings/needed-by.ts";
import { lookUp } from "../credentials/held.ts";
import { AWS4_HMAC_SHA256 } from "../signing/algorithms.ts";
import type { SigningKeys } from "../signing/sign-query.ts";
import { type KeySigner, signWith } from "../signing/signer.ts";

/** The part of a credential provider that is used here. */
export type Chain = () => Promise<{
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
  /** The true end, where the chain has put off the other because it found no newer credentials. */
  readonly originalExpiration?: Date;
}>;

/**
 * The newest credentials that the official chain can give: environment, profile, web identity,
 * container or instance role. One object for as long as they stay the same. Each time it is a new
 * chain that is asked: one keeps what it has until shortly before its end, and waits for ever for
 * a call that hangs.
 */
export function signerOfChain(
  makeChain: () => Chain,
): Effect.Effect<KeySigner, CredentialsUnavailable> {
  let last: KeySigner | undefined;
  return lookUp("AWS", () => makeChain()()).pipe(
    Effect.map(({ accessKeyId, secretAccessKey, sessionToken, ...ends }) => {
      const expiresAt = (ends.originalExpiration ?? ends.expiration)?.getTime();
      const isSame =
        last?.keys.accessKey === accessKeyId &&
        last.keys.secretKey === secretAccessKey &&
        last.keys.sessionToken === sessionToken &&
        last.expiresAt === expiresAt;
      if (last !== undefined && isSame) return last;
      const keys = { accessKey: accessKeyId, secretKey: secretAccessKey, sessionToken };
      last = signWith({ algorithm: AWS4_HMAC_SHA256, ...keys }, expiresAt);
      return last;
    }),
  );
}

/**
 * What signs at the moment, for the official client, which is told that it is about to end: so it
 * asks each time, which costs nothing, and never signs with what has been replaced.
 */
export const providerOf = (current: () => Promise<KeySigner>) => async () => ({
  ...identityOf((await current()).keys),
  expiration: new Date(0),
});

/** Keys as the official client names them. */
export const identityOf = ({ accessKey, secretKey, sessionToken }: SigningKeys) => ({
  accessKeyId: accessKey,
  secretAccessKey: secretKey,
  ...(sessionToken === undefined ? {} : { sessionToken }),
});

/**
 * What a role that is assumed signs with: credentials of an hour, which AWS gives to those who may
 * assume it.
 */
export const signerOfRole = (role: {
  readonly arn: string;
  readonly use: "put" | "get";
  readonly region: string;
  /** Who assumes it. */
  readonly as: NonNullable<S3ClientConfig["credentials"]>;
}): Effect.Effect<Effect.Effect<KeySigner, CredentialsUnavailable>> =>
  Effect.map(credentialProviders, ({ fromTemporaryCredentials }) =>
    signerOfChain(() =>
      fromTemporaryCredentials({
        masterCredentials: role.as,
        params: { RoleArn: role.arn, RoleSessionName: `valetkey-${role.use}` },
        clientConfig: { region: role.region },
      }),
    ),
  );

const credentialProviders = Effect.promise(async () => {
  try {
    return await import("@aws-sdk/credential-providers");
  } catch (cause) {
    return neededBy("the store aws with a role", "@aws-sdk/credential-providers")(cause);
  }
});
