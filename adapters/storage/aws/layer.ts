import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import { VARIABLES } from "../../settings/source.ts";
import { current, hold } from "../credentials/held.ts";
import { configuredSigner, signersFrom, unlessForUploads } from "../credentials/key-settings.ts";
import { s3Services } from "../s3/services.ts";
import { region as regionSetting } from "../settings.ts";
import { identityFrom, signerFromChain, signerFromRole } from "./chain.ts";
import { locate, makeBucket, makeClient } from "./client.ts";
import { sdkSigner } from "./sdk-signer.ts";
import { type AwsSettings, regionIn } from "./settings.ts";

export const layer = (settings: AwsSettings) =>
  Layer.effectContext(
    Effect.gen(function* () {
      yield* warnOfRegion(settings);
      const { region } = settings;
      const signer = yield* (
        configuredSigner(settings) ??
        signerFromChain(() => makeClient(settings).config.credentials).pipe(
          Effect.flatMap((signer) =>
            Effect.mapError(
              Effect.fromResult(unlessForUploads(settings)(signer)),
              (problem) => new CredentialsUnavailable({ reason: `AWS's chain ${problem}` }),
            ),
          ),
          hold,
        )
      );
      const run = Effect.runPromiseWith(yield* Effect.context());
      const credentials = async () => ({
        ...identityFrom((await run(current(signer))).keys),
        // The official client then asks each time, which costs nothing, and no replaced key signs.
        expiration: new Date(0),
      });
      const role = (use: "put" | "get", arn: string | undefined) =>
        arn === undefined
          ? Effect.undefined
          : Effect.flatMap(signerFromRole({ arn, use, region, as: credentials }), hold);
      const signers = yield* signersFrom(settings, signer, {
        put: yield* role("put", settings.putRole),
        get: yield* role("get", settings.getRole),
      });
      const client = makeClient(settings, credentials);
      const addresses = yield* Effect.promise(() => locate(settings, client));
      return yield* s3Services(settings, {
        addresses,
        signers,
        officially:
          settings.signer === "sdk"
            ? yield* sdkSigner(client, addresses.internal.scope)
            : undefined,
        client: Effect.succeed(makeBucket(settings, client)),
      });
    }),
  );

function warnOfRegion({ region, endpoint, words = VARIABLES }: AwsSettings): Effect.Effect<void> {
  const actual = endpoint && regionIn(endpoint);
  return actual === undefined || actual === region
    ? Effect.void
    : Effect.logWarning(
        `${words.name(regionSetting)} is ${region}, but the endpoint is in ${actual}; set ${words.assign(regionSetting, actual)}, or the store refuses every signature`,
      );
}
