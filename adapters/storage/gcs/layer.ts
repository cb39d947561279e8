import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Result from "effect/Result";
import type * as Scope from "effect/Scope";
import { ObjectStore, type Parts } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { bucketAddresses } from "../signing/bucket-address.ts";
import { BucketCors } from "../bucket-cors.ts";
import { credentialsIn } from "../credentials/credentials-file.ts";
import { always } from "../credentials/held.ts";
import { keyIn } from "../credentials/key-settings.ts";
import type { CredentialSource, Signer } from "../signing/signer.ts";
import { urlPresigner } from "../signing/url-presigner.ts";
import { gcsBinding, gcsOverrides, gcsPartBinding } from "./binding.ts";
import { untrustedIn } from "../untrusted.ts";
import { keylessSigner } from "./keyless.ts";
import { decodeKey, type GcsKey, type GcsSigner, hmacKey } from "./credentials.ts";
import { makeBucketInBackground } from "../rest/make-bucket.ts";
import { multipartCalls } from "../rest/multipart.ts";
import { isSenseless, refusalIn } from "../rest/refusal-reason.ts";
import { type Bucket, signedFetch, unavailable } from "../rest/signed-fetch.ts";
import { objectStore } from "./object-store.ts";
import { scopedCredentials } from "./scoped-credentials.ts";
import { type GcsSettings, REGION } from "./settings.ts";

export const layer = (settings: GcsSettings): Layer.Layer<Presigner | ObjectStore> =>
  Layer.effectContext(
    Effect.gen(function* () {
      if (settings.notice !== undefined) yield* Effect.logWarning(settings.notice);
      const addresses = addressesFrom(settings);
      const keySigner = settings.key && (yield* signerFrom(settings.key));
      const signer: CredentialSource<Signer> =
        keySigner ?? always(yield* keylessSigner(settings, settings.role));
      const signerFor = Effect.fnUntraced(function* (use: "put" | "get") {
        const role = settings[`${use}Role`];
        if (role !== undefined) return always(yield* keylessSigner(settings, role));
        const key = keyIn(settings, use);
        return key === undefined ? signer : always(Result.getOrThrow(hmacKey(key)).signer);
      });
      const presigner = urlPresigner({
        addresses,
        region: REGION,
        binding: gcsBinding,
        overrides: gcsOverrides,
        parts: { binding: gcsPartBinding },
        isRemote: keySigner === undefined,
        signers: { put: yield* signerFor("put"), get: yield* signerFor("get") },
      });
      const untrusted = untrustedIn(settings);
      const signed = { signer, address: addresses.internal, region: REGION, untrusted };
      const parts = gcsMultipart(signed, settings.bucket);
      const { store, cors } = objectStore({ settings, signed, signer: keySigner, parts });
      yield* makeBucketInBackground(store, settings);
      return Context.make(Presigner, presigner).pipe(
        Context.add(ObjectStore, {
          ...store,
          ...(store.abilities.has("scoped credentials") && {
            credentials: scopedCredentials(settings, keySigner),
          }),
        }),
        Context.add(BucketCors, cors),
      );
    }),
  );

function addressesFrom(settings: GcsSettings) {
  const addresses = bucketAddresses(settings);
  if (settings.customDomain === undefined) return addresses;
  const { origin, host } = settings.customDomain;
  return { ...addresses, public: { origin, host, unsignedPrefix: "", path: "" } };
}

const signerFrom = ({
  path,
  signer,
}: GcsKey): Effect.Effect<CredentialSource<GcsSigner>, never, Scope.Scope> =>
  path === undefined
    ? Effect.succeed(always(signer))
    : credentialsIn(path, (json) => Result.map(decodeKey(json), ({ signer }) => signer));

/**
 * Makes uploads in parts: "XML API multipart uploads", Cloud Storage documentation. It refuses
 * preconditions, so a completion first looks for an object; none can appear in between, since each
 * upload has a new key.
 */
function gcsMultipart(bucket: Bucket, name: string): Omit<Parts, "listOpen"> {
  const calls = multipartCalls(bucket, {
    ifNone: [],
    refuse: (answer) => {
      const refusal = refusalIn(answer);
      const { status, code = "" } = refusal;
      return unavailable(
        status === 403
          ? "the service's account may not make large files; allow it storage.multipartUploads.create, abort and listParts, and storage.objects.create and get"
          : `the store answered ${status} ${code} for a file in parts in the bucket ${name}`,
        isSenseless(refusal) ? "senseless" : "refused",
      );
    },
  });
  return {
    ...calls,
    complete: Effect.fnUntraced(function* (upload) {
      const { status } = yield* signedFetch(bucket, { method: "HEAD", key: upload.key });
      if (status === 404) return yield* calls.complete(upload);
      if (status === 200) return "exists";
      const reason = `the store answered ${status} to the question whether there is an object`;
      return yield* unavailable(reason);
    }),
  };
}
