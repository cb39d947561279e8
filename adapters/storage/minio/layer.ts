import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type { ObjectStore } from "../../../application/ports/object-store.ts";
import type { Presigner } from "../../../application/ports/presigner.ts";
import { configuredSigner, signersFrom } from "../credentials/key-settings.ts";
import { s3Services } from "../rest/s3-services.ts";
import { bucketAddress } from "../signing/bucket-address.ts";
import { bucketCalls } from "./client.ts";
import type { MinioSettings } from "./settings.ts";

/**
 * A path of the endpoint must be one that a reverse proxy strips, since a MinIO answers under none.
 */
export const layer = (settings: MinioSettings): Layer.Layer<Presigner | ObjectStore> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const { bucket, pathStyle, endpoint, publicEndpoint = endpoint } = settings;
      const signer = yield* configuredSigner(settings) ?? Effect.die("a MinIO needs an access key");
      const locate = (endpoint: URL) =>
        bucketAddress({ endpoint, bucket, pathStyle, signsPath: false });
      return yield* s3Services(settings, {
        addresses: { public: locate(publicEndpoint), internal: locate(endpoint) },
        signers: yield* signersFrom(settings, signer),
        client: bucketCalls(settings, signer),
      });
    }),
  );
