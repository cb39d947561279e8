import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import { type Audience, Presigner } from "../../../application/ports/presigner.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { observeLife } from "../credentials/held.ts";
import { BucketCors } from "../bucket-cors.ts";
import { certificateWarning, configuredProvider } from "../certificate/in-use.ts";
import { forbiddenHeaders } from "../providers.ts";
import { s3Binding, s3Overrides, s3PartBinding } from "../signing/binding.ts";
import type { BucketAddress } from "../signing/bucket-address.ts";
import type { CredentialSource, KeySigner, Signer } from "../signing/signer.ts";
import { urlPresigner } from "../signing/url-presigner.ts";
import { watchBucket } from "./bucket-state.ts";
import { makeBucketInBackground } from "../rest/make-bucket.ts";
import { S3Access } from "./access.ts";
import { s3Cors } from "./cors.ts";
import { type BucketMaker, s3ObjectStore, type S3Settings } from "./object-store.ts";
import { uploadSigner } from "./upload-signer.ts";

export const s3Services = Effect.fnUntraced(function* (
  settings: S3Settings,
  store: {
    readonly addresses: Readonly<Record<Audience, BucketAddress>>;
    readonly signers: S3Access["Service"]["signers"];
    /** The official presigner with a signer's keys, if it signs. */
    readonly officially?:
      | ((held: CredentialSource<KeySigner>) => CredentialSource<Signer>)
      | undefined;
    readonly client: BucketMaker;
  },
) {
  const { bucket, region, provider: name, certificate } = settings;
  const { addresses, signers, officially } = store;
  const provider = configuredProvider(settings);
  const { checksums, partChecksums, largestPut } = provider;
  const warning = certificateWarning(settings, yield* Clock.currentTimeMillis);
  if (warning !== undefined) yield* Effect.logWarning(warning);
  const sign = (held: CredentialSource<KeySigner>): CredentialSource<Signer> =>
    officially?.(held) ?? held;
  const at = { signer: sign(signers.service), address: addresses.internal, region };
  const state = yield* watchBucket(at, provider, certificate?.facts?.date);
  const presigner = urlPresigner({
    addresses,
    region,
    binding: s3Binding(state),
    absent: forbiddenHeaders(provider, signers.put === signers.service),
    overrides: s3Overrides,
    checksums,
    largestPut,
    parts: partChecksums && { binding: s3PartBinding, checksums: partChecksums },
    signers: { put: sign(yield* uploadSigner(settings, signers, at)), get: sign(signers.get) },
  });
  const objectStore = s3ObjectStore(settings, { at, state }, store.client);
  yield* makeBucketInBackground(objectStore, settings);
  yield* observeLife({ ...signers });
  return Context.make(Presigner, presigner).pipe(
    Context.add(ObjectStore, objectStore),
    Context.add(BucketCors, s3Cors(at, settings)),
    Context.add(S3Access, { provider: name, certificate, bucket, region, addresses, signers }),
  );
});
