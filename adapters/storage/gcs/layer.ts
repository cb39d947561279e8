import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { overridesOfGet } from "../signing/binding.ts";
import { type BucketAddress, bucketAddress } from "../signing/bucket-address.ts";
import { RECHECK } from "../../settings/changing-file.ts";
import { credentialsIn } from "../credentials/credentials-file.ts";
import { always, hold } from "../credentials/held.ts";
import type { Held, Signer } from "../signing/signer.ts";
import { v4Presigner } from "../signing/v4-presigner.ts";
import { gcsBinding } from "./binding.ts";
import { keylessSigner } from "./keyless.ts";
import { decodeKey, type GcsSigner, type Source } from "./credentials.ts";
import { makeBucketInBackground } from "../rest/make-bucket.ts";
import { objectStore } from "./object-store.ts";
import { GCS_CAPABILITIES, type GcsSettings, REGION } from "./settings.ts";

/**
 * Google Cloud Storage: signs with a key that is here, or by IAM, and the official client for the
 * calls to the bucket. A path that its endpoint has is one that a reverse proxy takes off.
 */
export const layer = (settings: GcsSettings): Layer.Layer<Presigner | ObjectStore> =>
  Layer.effectContext(
    Effect.gen(function* () {
      if (settings.notice !== undefined) yield* Effect.logWarning(settings.notice);
      const addresses = addressesOf(settings);
      const keySigner = yield* signerOf(settings.source);
      const signer: Held<Signer> = keySigner ?? always(yield* keylessSigner(settings));
      const signerFor = (role: string | undefined, key: GcsSigner | undefined) =>
        role === undefined
          ? Effect.succeed(key === undefined ? signer : always(key))
          : Effect.map(keylessSigner(settings, role), (signer): Held<Signer> => always(signer));
      const presigner = v4Presigner({
        addresses,
        region: REGION,
        binding: gcsBinding(settings),
        overrides: (request) => overridesOfGet(request, "generation"),
        checksums: GCS_CAPABILITIES.checksums,
        isRemote: keySigner === undefined,
        signers: {
          put: yield* signerFor(settings.putRole, settings.putSigner),
          get: yield* signerFor(settings.getRole, settings.getSigner),
        },
      });
      const store = objectStore({ settings, address: addresses.internal, signer: keySigner });
      return Context.make(Presigner, presigner).pipe(Context.add(ObjectStore, store));
    }).pipe(Effect.tap(makeBucketInBackground(settings))),
  );

function addressesOf(settings: GcsSettings) {
  const { bucket, endpoint, publicEndpoint = endpoint, customDomain, pathStyle } = settings;
  const at = (endpoint: URL) => bucketAddress({ endpoint, bucket, pathStyle, signsPath: false });
  const own: BucketAddress | undefined = customDomain && {
    origin: customDomain.origin,
    host: customDomain.host,
    unsignedPrefix: "",
    path: "",
  };
  return { public: own ?? at(publicEndpoint), internal: at(endpoint) };
}

/** What signs here; undefined where IAM does. */
function signerOf(source: Source): Effect.Effect<Held<GcsSigner> | undefined, never, Scope.Scope> {
  switch (source.kind) {
    case "key":
      return Effect.succeed(always(source.signer));
    case "file": {
      const key = credentialsIn(source.path, decodeKey);
      return hold(
        Effect.map(key, ({ signer }) => signer),
        RECHECK,
      );
    }
    case "keyless":
      return Effect.succeed(undefined);
  }
}
