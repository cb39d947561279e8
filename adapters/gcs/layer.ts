import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { type BucketAddress, bucketAddress } from "../signing/bucket-address.ts";
import { credentialsIn, RECHECK } from "../signing/credentials-file.ts";
import { always, type Held, hold } from "../signing/held.ts";
import type { Signer } from "../signing/signer.ts";
import { v4Presigner } from "../signing/v4-presigner.ts";
import { gcsBinding } from "./binding.ts";
import { keylessSigner } from "./keyless.ts";
import { decodeKey, type GcsSigner } from "./keys.ts";
import { objectStore } from "./object-store.ts";
import { type GcsSettings, SCOPES, type Source } from "./settings.ts";

/**
 * Google Cloud Storage: signs with a key that is here, or by IAM, and the official client for the
 * calls to the bucket. A path that its endpoint has is one that a reverse proxy takes off.
 */
export const layer = (settings: GcsSettings): Layer.Layer<Presigner | ObjectStore> =>
  Layer.unwrap(
    Effect.gen(function* () {
      if (settings.notice !== undefined) yield* Effect.logWarning(settings.notice);
      const addresses = addressesOf(settings);
      const keySigner = yield* signerOf(settings.source);
      const presigner = v4Presigner({
        addresses,
        // Any location is accepted in a scope, and this one is said to stand for all.
        region: "auto",
        binding: gcsBinding(settings),
        signer: keySigner ?? always<Signer>(yield* keyless(settings)),
      });
      return Layer.merge(
        Layer.succeed(Presigner, presigner),
        Layer.succeed(ObjectStore, objectStore(settings, addresses.internal, keySigner)),
      );
    }),
  );

function addressesOf(settings: GcsSettings) {
  const { bucket, endpoint, publicEndpoint = endpoint, customDomain, pathStyle } = settings;
  const at = (endpoint: URL) => bucketAddress({ endpoint, bucket, pathStyle, strips: true });
  const own: BucketAddress | undefined = customDomain && {
    origin: customDomain.origin,
    host: customDomain.host,
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

const keyless = Effect.fnUntraced(function* (settings: GcsSettings) {
  yield* Effect.logWarning(COSTS);
  const { GoogleAuth } = yield* Effect.promise(() => import("google-auth-library"));
  const { universeDomain, iamEndpoint } = settings;
  // Without a project the client runs gcloud to find one, and nothing here needs any.
  const { project: projectId = "none" } = settings;
  return yield* keylessSigner(
    () => new GoogleAuth({ projectId, scopes: SCOPES, clientOptions: { universeDomain } }),
    iamEndpoint,
  );
});

const COSTS =
  "no key is configured, so IAM signs: a call for each URL, two for each upload, and URLs live 12 hours at most; the key of a service account (GOOGLE_APPLICATION_CREDENTIALS) or an HMAC key (STORAGE_ACCESS_KEY) signs here, without calls";
