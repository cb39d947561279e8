import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";
import { type Audience, Presigner } from "../../../application/ports/presigner.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { BucketCors } from "../bucket-cors.ts";
import { certificateWarning } from "../certificate/in-use.ts";
import { observeLife } from "../credentials/held.ts";
import { signersFrom } from "../credentials/key-settings.ts";
import { configuredProvider } from "./provider.ts";
import type { Provider } from "./providers.ts";
import { makeBucketInBackground } from "../rest/make-bucket.ts";
import { s3Binding, s3Overrides, s3PartBinding } from "../signing/binding.ts";
import type { BucketAddress } from "../signing/bucket-address.ts";
import type { AbsentHeaders } from "../signing/sign-query.ts";
import type { CredentialSource, KeySigner, Signer } from "../signing/signer.ts";
import { urlPresigner } from "../signing/url-presigner.ts";
import { untrustedIn } from "../untrusted.ts";
import { assumeRole } from "../sts/assume-role.ts";
import { type Assume, rootAddress, scopedCredentials } from "../sts/scoped-credentials.ts";
import { S3Access } from "./access.ts";
import { watchBucket } from "./bucket-state.ts";
import { s3Cors } from "./cors.ts";
import { type BucketMaker, s3ObjectStore } from "./object-store.ts";
import type { S3Settings } from "./settings.ts";
import { uploadSigner } from "./upload-signer.ts";

type Held = CredentialSource<KeySigner>;

/** Keys and a bucket, from an official client. */
export interface S3Client {
  readonly signer: Held;
  /** The signers of uploads and downloads, if they have roles. */
  readonly roles?: { readonly [use in "put" | "get"]?: Held | undefined };
  readonly addresses: Readonly<Record<Audience, BucketAddress>>;
  readonly makeBucket: BucketMaker;
  /** Asks for temporary credentials, if not the store itself gives them. */
  readonly assume?: Assume | undefined;
  /** Makes the official presigner with a signer's keys, if it is configured. */
  readonly officially?: ((held: Held) => CredentialSource<Signer>) | undefined;
}

export const s3Layer =
  (open: (settings: S3Settings) => Effect.Effect<S3Client, never, Scope.Scope>) =>
  (settings: S3Settings): Layer.Layer<Presigner | ObjectStore> =>
    Layer.effectContext(Effect.flatMap(open(settings), (client) => servicesOf(settings, client)));

const servicesOf = Effect.fnUntraced(function* (
  settings: S3Settings,
  { signer, roles, addresses, makeBucket, officially, assume }: S3Client,
) {
  const { bucket, region, provider: name, certificate } = settings;
  const provider = configuredProvider(settings);
  const warning = certificateWarning(certificate, yield* Clock.currentTimeMillis);
  if (warning !== undefined) yield* Effect.logWarning(warning);
  const signers = yield* signersFrom(settings, signer, roles);
  const sign = (held: Held): CredentialSource<Signer> => officially?.(held) ?? held;
  const untrusted = untrustedIn(settings);
  const at = { signer: sign(signers.service), address: addresses.internal, region, untrusted };
  const state = yield* watchBucket(at, provider, certificate?.facts?.date);
  const sts = { ...at, signer: signers.service, address: rootAddress(addresses.internal, bucket) };
  const assumeHere: Assume = (request) =>
    assumeRole({ ...sts, role: settings.credentialsRole }, request);
  const presigner = urlPresigner({
    addresses,
    region,
    binding: s3Binding(state.abilities),
    absent: forbiddenHeaders(provider, signers.put === signers.service),
    overrides: s3Overrides,
    parts: provider.abilities.has("multipart") ? { binding: s3PartBinding } : undefined,
    signers: { put: sign(yield* uploadSigner(settings, signers, at)), get: sign(signers.get) },
  });
  const objectStore: ObjectStore["Service"] = {
    ...s3ObjectStore(settings, { at, state }, makeBucket),
    ...(state.abilities.has("scoped credentials") && {
      credentials: scopedCredentials({
        bucket,
        region,
        addresses,
        partition: (settings.credentialsRole ?? settings.role)?.split(":")[1],
        lists: provider.sts?.lists ?? false,
        kms: name === "aws",
        assume: assume ?? assumeHere,
      }),
    }),
  };
  yield* makeBucketInBackground(objectStore, settings);
  yield* observeLife({ ...signers });
  return Context.make(Presigner, presigner).pipe(
    Context.add(ObjectStore, objectStore),
    Context.add(BucketCors, s3Cors(at, settings)),
    Context.add(S3Access, { ...at, provider: name, certificate, bucket, addresses, signers }),
  );
});

export const forbiddenHeaders = (
  { absent }: Pick<Provider, "absent">,
  isShared: boolean,
): AbsentHeaders | undefined =>
  absent?.deniable !== undefined && isShared
    ? { ...absent, names: [...absent.names, ...absent.deniable].toSorted() }
    : absent;
