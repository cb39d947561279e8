import type { S3ClientConfig } from "@aws-sdk/client-s3";
import * as Effect from "effect/Effect";
import type { CredentialsUnavailable } from "../../../domain/errors.ts";
import { neededBy } from "../../values/needed-by.ts";
import { isError } from "../../values/thrown.ts";
import { awsSigner } from "../credentials/credentials-file.ts";
import { lookUp } from "../credentials/held.ts";
import type { SigningKeys } from "../signing/sign-query.ts";
import type { KeySigner } from "../signing/signer.ts";

export type Chain = () => Promise<{
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
  /** The real end, if the chain has postponed the other because it found no newer credentials. */
  readonly originalExpiration?: Date;
}>;

/**
 * Makes a new chain for each use, since a used one keeps its credentials until shortly before their
 * end, and waits forever for a call that hangs.
 */
export const signerFromChain = (
  makeChain: () => Chain,
): Effect.Effect<KeySigner, CredentialsUnavailable> =>
  Effect.map(
    lookUp("AWS", () => makeChain()()),
    ({ accessKeyId: accessKey, secretAccessKey: secretKey, sessionToken, ...ends }) => {
      const expiresAt = (ends.originalExpiration ?? ends.expiration)?.getTime();
      return awsSigner({ accessKey, secretKey, sessionToken, expiresAt });
    },
  );

export const identityFrom = ({ accessKey, secretKey, sessionToken }: SigningKeys) => ({
  accessKeyId: accessKey,
  secretAccessKey: secretKey,
  ...(sessionToken === undefined ? {} : { sessionToken }),
});

/** AWS issues the credentials of a role for an hour. */
export const signerFromRole = (role: {
  readonly arn: string;
  readonly session: string;
  readonly region: string;
  readonly externalId: string | undefined;
  /** Takes from the role what the policy does not allow. */
  readonly policy?: object | undefined;
  readonly as: NonNullable<S3ClientConfig["credentials"]>;
}): Effect.Effect<Effect.Effect<KeySigner, CredentialsUnavailable>> =>
  Effect.map(credentialProviders, ({ fromTemporaryCredentials }) =>
    signerFromChain(() => {
      const assume = fromTemporaryCredentials({
        masterCredentials: role.as,
        params: {
          RoleArn: role.arn,
          RoleSessionName: role.session,
          ExternalId: role.externalId,
          Policy: role.policy && JSON.stringify(role.policy),
        },
        clientConfig: { region: role.region },
      });
      return () => assume().catch(refusedBy(role.arn));
    }),
  );

const refusedBy = (arn: string) => (cause: unknown) => {
  if (!isError(cause) || cause.name !== "AccessDenied") throw cause;
  const allow = "its owner has to allow that, as valetkey policy trust prints it";
  throw new Error(`the role ${arn} was not assumed: ${allow} (${cause.message})`, { cause });
};

const credentialProviders = Effect.promise(async () => {
  try {
    return await import("@aws-sdk/credential-providers");
  } catch (cause) {
    return neededBy("the store aws with a role", "@aws-sdk/credential-providers")(cause);
  }
});
