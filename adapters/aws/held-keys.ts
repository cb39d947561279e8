import type { S3Client } from "@aws-sdk/client-s3";
import * as Effect from "effect/Effect";
import { CredentialsUnavailable } from "../../application/ports/presigner.ts";
import type { HeldKeys } from "../signing/v4-presigner.ts";

/**
 * The keys that the client's credential chain gives at the moment of asking. The chain holds and
 * renews them; the answer stays one object until they change.
 */
export function heldKeys(client: S3Client): Effect.Effect<HeldKeys, CredentialsUnavailable> {
  let held: HeldKeys | undefined;
  return Effect.tryPromise({
    try: () => client.config.credentials(),
    catch: (cause) => new CredentialsUnavailable({ reason: describe(cause) }),
  }).pipe(
    Effect.timeoutOrElse({
      duration: "10 seconds",
      orElse: () =>
        Effect.fail(new CredentialsUnavailable({ reason: "no AWS credentials within 10 seconds" })),
    }),
    Effect.map((identity) => {
      if (
        held === undefined ||
        held.keys.accessKey !== identity.accessKeyId ||
        held.keys.secretKey !== identity.secretAccessKey ||
        held.keys.sessionToken !== identity.sessionToken
      ) {
        held = {
          keys: {
            accessKey: identity.accessKeyId,
            secretKey: identity.secretAccessKey,
            sessionToken: identity.sessionToken,
          },
          expiresAt: identity.expiration?.getTime(),
        };
      }
      return held;
    }),
  );
}

const describe = (cause: unknown) =>
  `no AWS credentials: ${cause instanceof Error ? cause.message : String(cause)}`;
