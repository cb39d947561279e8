import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { s3Binding, s3Overrides, s3PartBinding } from "../signing/binding.ts";
import { bucketAddress } from "../signing/bucket-address.ts";
import { BucketCors } from "../bucket-cors.ts";
import { configuredSigner, signersOf } from "../credentials/key-settings.ts";
import { forbiddenHeaders, type Provider, PROVIDERS } from "../providers.ts";
import { v4Presigner } from "../signing/v4-presigner.ts";
import { bucketWriteOnce } from "../rest/bucket-write-once.ts";
import { makeBucketInBackground } from "../rest/make-bucket.ts";
import { s3Cors } from "../rest/s3-cors.ts";
import { S3Access } from "../rest/s3-access.ts";
import { objectStore } from "./object-store.ts";
import type { MinioSettings } from "./settings.ts";

/**
 * A MinIO server: our own signature, and the MinIO client for the calls to its bucket. A path of
 * its endpoint must be one that a reverse proxy strips, since a MinIO answers under none.
 */
export const layer = (settings: MinioSettings): Layer.Layer<Presigner | ObjectStore> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const { bucket, pathStyle, region, endpoint, publicEndpoint = endpoint } = settings;
      const { checksums, partChecksums, ...provider }: Provider = PROVIDERS[settings.provider];
      const signer = yield* configuredSigner(settings) ?? Effect.die("a MinIO needs an access key");
      const signers = yield* signersOf(settings, signer);
      const locate = (endpoint: URL) =>
        bucketAddress({ endpoint, bucket, pathStyle, signsPath: false });
      const addresses = { public: locate(publicEndpoint), internal: locate(endpoint) };
      const at = { signer, address: addresses.internal, region };
      const once = yield* bucketWriteOnce(at, provider);
      const presigner = v4Presigner({
        addresses,
        region,
        binding: s3Binding(once),
        absent: forbiddenHeaders(provider, signers.put === signer),
        overrides: s3Overrides,
        checksums,
        largestPut: provider.largestPut,
        parts: partChecksums && { binding: s3PartBinding, checksums: partChecksums },
        forms: provider.forms ? { bucket, signer: signers.put } : undefined,
        signers,
      });
      return Context.make(Presigner, presigner).pipe(
        Context.add(ObjectStore, objectStore(settings, { at, once })),
        Context.add(BucketCors, s3Cors(at, settings)),
        Context.add(S3Access, {
          provider: settings.provider,
          bucket,
          region,
          addresses,
          signers: { service: signer, ...signers },
        }),
      );
    }).pipe(Effect.tap(makeBucketInBackground(settings))),
  );
