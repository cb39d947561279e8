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
import { neededBy } from "../../settings/needed-by.ts";
import type { Held, Signer } from "../signing/signer.ts";
import { v4Presigner } from "../signing/v4-presigner.ts";
import { gcsBinding } from "./binding.ts";
import { keylessSigner } from "./keyless.ts";
import { decodeKey, type GcsSigner } from "./keys.ts";
import { makeBucketInBackground } from "../rest/make-bucket.ts";
import { objectStore } from "./object-store.ts";
import { GCS_CAPABILITIES, type GcsSettings, REGION, SCOPES } from "./settings.ts";
import type { Source } from "./source.ts";

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
      const signer: Held<Signer> = keySigner ?? always(yield* keyless(settings));
      const signerFor = (role: string | undefined, key: GcsSigner | undefined) =>
        role === undefined
          ? Effect.succeed(key === undefined ? signer : always(key))
          : Effect.map(keyless(settings, role), (of): Held<Signer> => always(of));
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

const keyless = Effect.fnUntraced(function* (settings: GcsSettings, account?: string) {
  if (account === undefined) yield* Effect.logWarning(COSTS);
  const { GoogleAuth } = yield* googleAuth;
  const { universeDomain, iamEndpoint } = settings;
  // Without a project the client runs gcloud to find one, and nothing here needs any.
  const { project: projectId = "none" } = settings;
  const makeAuth = () =>
    new GoogleAuth({ projectId, scopes: SCOPES, clientOptions: { universeDomain } });
  return yield* keylessSigner({ makeAuth, iamEndpoint, account });
});

const googleAuth = Effect.promise(async () => {
  try {
    return await import("google-auth-library");
  } catch (cause) {
    return neededBy("the store gcs without a key", "google-auth-library")(cause);
  }
});

const COSTS =
  "no key is configured, so IAM signs: a call for each URL, two for each upload, and URLs live 12 hours at most; the key of a service account (GOOGLE_APPLICATION_CREDENTIALS, or the option credentials) or an HMAC key (STORAGE_ACCESS_KEY, or accessKey) signs here, without calls";
