import * as Effect from "effect/Effect";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import { VARIABLES } from "../../settings/source.ts";
import { current, hold } from "../credentials/held.ts";
import { configuredSigner, unlessForUploads } from "../credentials/key-settings.ts";
import { s3Layer } from "../s3/layer.ts";
import type { S3Settings } from "../s3/settings.ts";
import { region as regionSetting } from "../settings.ts";
import { identityFrom, sessionsOfRole, signerFromChain, signerFromRole } from "./chain.ts";
import { locate, makeBucket, makeClient } from "./client.ts";
import { sdkSigner } from "./sdk-signer.ts";
import { sessionPolicy } from "./session-policy.ts";

export const layer = s3Layer(
  Effect.fnUntraced(function* (settings: S3Settings) {
    yield* warnOfRegion(settings);
    const own = yield* configuredSigner(settings) ?? chainSigner(settings);
    const run = Effect.runPromiseWith(yield* Effect.context());
    const credentialsOf = (signer: typeof own) => async () => ({
      ...identityFrom((await run(current(signer))).keys),
      // Makes the client ask each time, which costs nothing, so that no replaced key signs.
      expiration: new Date(0),
    });
    const { region, externalId, role: main } = settings;
    const assume = (arn: string, session: string, by: typeof own, policy?: object) =>
      signerFromRole({
        arn,
        session,
        region,
        externalId,
        policy,
        as: credentialsOf(by),
      }).pipe(Effect.flatMap(hold));
    const signer = main === undefined ? own : yield* assume(main, "valetkey", own);
    const role = Effect.fnUntraced(function* (use: "put" | "get") {
      const arn = settings[`${use}Role`];
      if (arn !== undefined) return yield* assume(arn, `valetkey-${use}`, signer);
      if (main === undefined || settings[`${use}AccessKey`] !== undefined) return undefined;
      const narrow = yield* Effect.promise(() => sessionPolicy(settings, use));
      return narrow && (yield* assume(main, `valetkey-${use}`, own, narrow));
    });
    const { provider, credentialsRole: arn = main } = settings;
    // A role of its own is assumed by the one for everything.
    const by = arn === main ? own : signer;
    const assumed = arn !== undefined && {
      arn,
      session: "valetkey-credentials",
      region,
      externalId,
      as: credentialsOf(by),
    };
    const client = makeClient(settings, credentialsOf(signer));
    const addresses = yield* Effect.promise(() => locate(settings, client));
    return {
      signer,
      roles: { put: yield* role("put"), get: yield* role("get") },
      addresses,
      makeBucket: Effect.succeed(makeBucket(settings, client)),
      assume: provider === "aws" && assumed ? sessionsOfRole(assumed) : undefined,
      officially:
        settings.signer === "sdk" ? yield* sdkSigner(client, addresses.internal.scope) : undefined,
    };
  }),
);

const chainSigner = (settings: S3Settings) =>
  signerFromChain(() => makeClient(settings).config.credentials).pipe(
    Effect.flatMap((signer) =>
      Effect.mapError(
        Effect.fromResult(unlessForUploads(settings)(signer)),
        (problem) => new CredentialsUnavailable({ reason: `AWS's chain ${problem}` }),
      ),
    ),
    hold,
  );

function warnOfRegion({ region, endpoint, words = VARIABLES }: S3Settings): Effect.Effect<void> {
  const [, actual = region] = REGION_IN_HOST.exec(endpoint?.hostname ?? "") ?? [];
  return actual === region
    ? Effect.void
    : Effect.logWarning(
        `${words.name(regionSetting)} is ${region}, but the endpoint is in ${actual}; set ${words.assign(regionSetting, actual)}, or the store refuses every signature`,
      );
}

const REGION_IN_HOST =
  /(?:^|\.|s3-)([a-z]{2}(?:-[a-z]+)+-\d+)\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|backblazeb2\.com|wasabisys\.com)$/;
