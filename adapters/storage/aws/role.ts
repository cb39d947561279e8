import type { S3ClientConfig } from "@aws-sdk/client-s3";
import * as Effect from "effect/Effect";
import type { CredentialsUnavailable } from "../../../domain/errors.ts";
import { neededBy } from "../../settings/needed-by.ts";
import type { KeySigner } from "../signing/signer.ts";
import { signerOfChain } from "./chain.ts";

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
