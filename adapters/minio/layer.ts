import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { bucketAddress } from "../signing/bucket-address.ts";
import { v4Presigner } from "../signing/v4-presigner.ts";
import { objectStore } from "./object-store.ts";
import type { MinioSettings } from "./settings.ts";

/** A MinIO server: our signature, and the MinIO client for the calls to its bucket. */
export function layer(settings: MinioSettings): Layer.Layer<Presigner | ObjectStore> {
  const { bucket, pathStyle, region, endpoint, sessionToken } = settings;
  const keys = {
    accessKey: settings.accessKey,
    secretKey: Redacted.value(settings.secretKey),
    sessionToken: sessionToken && Redacted.value(sessionToken),
  };
  const presigner = v4Presigner({
    addresses: {
      public: bucketAddress({ endpoint: settings.publicEndpoint ?? endpoint, bucket, pathStyle }),
      internal: bucketAddress({ endpoint, bucket, pathStyle }),
    },
    region,
    keys: Effect.succeed({ keys }),
  });
  return Layer.merge(
    Layer.succeed(Presigner, presigner),
    Layer.succeed(ObjectStore, objectStore(settings)),
  );
}
