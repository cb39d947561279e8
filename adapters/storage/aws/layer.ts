import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { s3Binding, s3Overrides, s3PartBinding } from "../signing/binding.ts";
import { current, hold } from "../credentials/held.ts";
import { BucketCors } from "../bucket-cors.ts";
import { configuredSigner, signersOf } from "../credentials/key-settings.ts";
import { forbiddenHeaders, type Provider, PROVIDERS } from "../providers.ts";
import { v4Presigner } from "../signing/v4-presigner.ts";
import { identityOf, signerOfChain, signerOfRole } from "./chain.ts";
import { locate, makeClient } from "./client.ts";
import { bucketWriteOnce } from "../rest/bucket-write-once.ts";
import { makeBucketInBackground } from "../rest/make-bucket.ts";
import { s3Cors } from "../rest/s3-cors.ts";
import { S3Access } from "../rest/s3-access.ts";
import { objectStore } from "./object-store.ts";
import { sdkSigner } from "./sdk-signer.ts";
import { VARIABLES } from "../../settings/source.ts";
import { region as regionSetting } from "../settings.ts";
import { type AwsSettings, regionOfEndpoint } from "./settings.ts";

/** Amazon S3, or another store with its API; the official presigner can sign instead of our own. */
export const layer = (settings: AwsSettings): Layer.Layer<Presigner | ObjectStore> =>
  Layer.effectContext(
    Effect.gen(function* () {
      yield* warnOfRegion(settings);
      const { region } = settings;
      const signer = yield* (
        configuredSigner(settings) ??
        hold(signerOfChain(() => makeClient(settings).config.credentials))
      );
      const run = Effect.runPromiseWith(yield* Effect.context());
      const credentials = async () => ({
        ...identityOf((await run(current(signer))).keys),
        // So that the official client asks each time, which costs nothing, and no replaced key
        // signs.
        expiration: new Date(0),
      });
      const role = (use: "put" | "get", arn: string | undefined) =>
        arn === undefined
          ? Effect.undefined
          : Effect.flatMap(signerOfRole({ arn, use, region, as: credentials }), hold);
      const signers = yield* signersOf(settings, signer, {
        put: yield* role("put", settings.putRole),
        get: yield* role("get", settings.getRole),
      });
      const client = makeClient(settings, credentials);
      const addresses = yield* Effect.promise(() => locate(settings, client));
      const { checksums, partChecksums, ...provider }: Provider = PROVIDERS[settings.provider];
      const bySdk =
        settings.signer === "sdk" ? yield* sdkSigner(client, addresses.internal.scope) : undefined;
      const at = { signer: bySdk?.(signer) ?? signer, address: addresses.internal, region };
      const once = yield* bucketWriteOnce(at, provider);
      const presigner = v4Presigner({
        addresses,
        region,
        binding: s3Binding(once),
        absent: forbiddenHeaders(provider, signers.put === signer),
        checksums,
        largestPut: provider.largestPut,
        parts: partChecksums && { binding: s3PartBinding, checksums: partChecksums },
        overrides: s3Overrides,
        // The official presigner signs no forms.
        forms:
          provider.forms && !bySdk ? { bucket: settings.bucket, signer: signers.put } : undefined,
        signers: bySdk ? { put: bySdk(signers.put), get: bySdk(signers.get) } : signers,
      });
      return Context.make(Presigner, presigner).pipe(
        Context.add(ObjectStore, objectStore(settings, client, { at, once })),
        Context.add(BucketCors, s3Cors(at, settings)),
        Context.add(S3Access, {
          provider: settings.provider,
          bucket: settings.bucket,
          region,
          addresses,
          signers: { service: signer, ...signers },
        }),
      );
    }).pipe(Effect.tap(makeBucketInBackground(settings))),
  );

/** Warns if the endpoint is in another region, which would refuse every signature. */
function warnOfRegion({ region, endpoint, words = VARIABLES }: AwsSettings): Effect.Effect<void> {
  const actual = endpoint && regionOfEndpoint(endpoint);
  return actual === undefined || actual === region
    ? Effect.void
    : Effect.logWarning(
        `${words.name(regionSetting)} is ${region}, but the endpoint is in ${actual}; set ${words.assign(regionSetting, actual)}, or the store refuses every signature`,
      );
}
