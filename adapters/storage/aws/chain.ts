import type { S3ClientConfig } from "@aws-sdk/client-s3";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import { neededBy } from "../../values/needed-by.ts";
import { errorReason, isError } from "../../values/thrown.ts";
import { awsSigner } from "../credentials/credentials-file.ts";
import { lookUp } from "../credentials/held.ts";
import type { SigningKeys } from "../signing/sign-query.ts";
import type { KeySigner } from "../signing/signer.ts";
import type { Assume } from "../sts/scoped-credentials.ts";

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

export interface Role {
  readonly arn: string;
  readonly session: string;
  readonly region: string;
  readonly externalId: string | undefined;
  /** Takes from the role what the policy does not allow. */
  readonly policy?: object | undefined;
  readonly as: NonNullable<S3ClientConfig["credentials"]>;
}

/** AWS issues the credentials of a role for an hour. */
export const signerFromRole = (
  role: Role,
): Effect.Effect<Effect.Effect<KeySigner, CredentialsUnavailable>> =>
  Effect.map(credentialProviders, (providers) => signerFromChain(() => assumed(providers, role)));

type Providers = Effect.Success<typeof credentialProviders>;

function assumed({ fromTemporaryCredentials }: Providers, role: Role, seconds?: number): Chain {
  const assume = fromTemporaryCredentials({
    masterCredentials: role.as,
    params: {
      RoleArn: role.arn,
      RoleSessionName: role.session,
      ExternalId: role.externalId,
      Policy: role.policy && JSON.stringify(role.policy),
      DurationSeconds: seconds,
    },
    clientConfig: { region: role.region },
  });
  return () => assume().catch(refusedBy(role.arn));
}

const HOUR = 3600;

/**
 * Gives temporary credentials of a role; for an hour if it gives none for longer, as a role that is
 * assumed by another role: "Methods to assume a role", IAM User Guide.
 */
export const sessionsOfRole =
  (role: Role): Assume =>
  ({ policy, seconds }) =>
    Effect.gen(function* () {
      const providers = yield* credentialProviders;
      const ask = (seconds: number) =>
        Effect.tryPromise({
          try: assumed(providers, { ...role, policy }, seconds),
          catch: (cause) => (isTooLong(cause) ? ("too long" as const) : toUnavailable(cause)),
        });
      const given = yield* Effect.catchIf(
        ask(seconds),
        (failure) => failure === "too long" && seconds > HOUR,
        () => Effect.andThen(Effect.logWarning(shorter(role.arn)), ask(HOUR)),
      );
      const { accessKeyId, secretAccessKey, sessionToken = "", expiration } = given;
      if (expiration === undefined) return yield* toUnavailable("they never end");
      return {
        accessKeyId,
        secretAccessKey: Redacted.make(secretAccessKey),
        sessionToken: Redacted.make(sessionToken),
        expiresAt: DateTime.fromDateUnsafe(expiration),
      };
    }).pipe(
      Effect.mapError((failure) =>
        failure === "too long" ? toUnavailable(`${role.arn} gives none for so long`) : failure,
      ),
    );

const toUnavailable = (cause: unknown) =>
  new CredentialsUnavailable({ reason: `no temporary credentials: ${errorReason(cause)}` });

const isTooLong = (cause: unknown) =>
  isError(cause) && cause.name === "ValidationError" && cause.message.includes("DurationSeconds");

const shorter = (arn: string) =>
  `temporary credentials end after an hour, and a policy allows more: ${arn} has a shorter longest session, which is an hour for every role that another role assumes`;

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
