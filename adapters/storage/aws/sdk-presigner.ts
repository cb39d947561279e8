import {
  GetObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from "@aws-sdk/client-s3";
import type { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import {
  type Audience,
  type GetRequest,
  Presigner,
  type PutRequest,
} from "../../../application/ports/presigner.ts";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import type { ChecksumAlgorithm } from "../../../domain/checksum.ts";
import { type Binding, responseHeaders } from "../signing/binding.ts";
import { endOf, lifeNeeded, secondsOfLife, signingTime } from "../signing/lifetime.ts";
import type { SigningKeys } from "../signing/sign-query.ts";
import type { KeySigner, Signers } from "../signing/signer.ts";

/**
 * Signs through the official presigner, which binds the headers that it is told to and moves all
 * others into the query, where no store looks at them.
 */
export function sdkPresigner(store: {
  /** The presigner, from its own package. */
  readonly getSignedUrl: typeof getSignedUrl;
  readonly bucket: string;
  /** One official client per audience, since a client has one endpoint; they sign with `keys`. */
  readonly makeClients: (keys: SigningKeys) => Readonly<Record<Audience, S3Client>>;
  readonly binding: Binding;
  readonly checksums: ReadonlyArray<ChecksumAlgorithm>;
  readonly signers: Signers<KeySigner>;
  readonly publicOrigin: string;
}): Presigner["Service"] {
  const { bucket: Bucket, binding } = store;
  const made = new WeakMap<KeySigner, Readonly<Record<Audience, S3Client>>>();
  const clientsOf = (signer: KeySigner) => {
    const clients = made.get(signer) ?? store.makeClients(signer.keys);
    made.set(signer, clients);
    return clients;
  };

  const sign = Effect.fnUntraced(function* (
    request: PutRequest | GetRequest,
    command: PutObjectCommand | GetObjectCommand,
  ) {
    const moment = yield* Clock.currentTimeMillis;
    const held = command instanceof PutObjectCommand ? store.signers.put : store.signers.get;
    const signer = yield* held(moment, lifeNeeded(request));
    const now = signingTime(request, moment);
    const expiresIn = secondsOfLife(request, signer, now);
    const url = yield* Effect.tryPromise({
      try: () =>
        // The commands differ in their answers only, which signing does not see.
        store.getSignedUrl(clientsOf(signer)[request.audience], command as GetObjectCommand, {
          expiresIn,
          signingDate: new Date(now),
          signableHeaders: BOUND,
          unhoistableHeaders: BOUND,
        }),
      catch: (cause) => new CredentialsUnavailable({ reason: String(cause) }),
    });
    return { url, expiresAt: endOf(now, expiresIn) };
  });

  return Presigner.of({
    put: (request) => {
      const { toSend: headers, isOnce } = binding(request, "");
      const { "If-None-Match": IfNoneMatch, "x-amz-tagging": tagging } = headers;
      const command = new PutObjectCommand({
        Bucket,
        Key: request.key,
        ContentType: request.mediaType,
        ContentLength: request.size,
        ...(IfNoneMatch === undefined ? {} : { IfNoneMatch }),
        ...(tagging === undefined ? {} : { Tagging: tagging }),
        ...(request.checksum && { [MEMBERS[request.checksum.algorithm]]: request.checksum.value }),
      });
      return Effect.map(sign(request, command), (signed) => ({
        method: "PUT",
        headers,
        isOnce,
        ...signed,
      }));
    },
    get: (request) => {
      const command = new GetObjectCommand({
        Bucket,
        Key: request.key,
        ResponseContentType: request.responseMediaType,
        ResponseContentDisposition: request.responseDisposition,
        ResponseCacheControl: responseHeaders(request).cacheControl,
        ResponseContentEncoding: responseHeaders(request).contentEncoding,
        ...(request.version === undefined ? {} : { VersionId: request.version }),
      });
      return Effect.map(sign(request, command), (signed) => ({
        method: "GET",
        headers: {},
        ...signed,
      }));
    },
    isRemote: false,
    checksums: store.checksums,
    publicOrigin: store.publicOrigin,
  });
}

const MEMBERS = {
  crc32c: "ChecksumCRC32C",
  md5: "ContentMD5",
  sha256: "ChecksumSHA256",
} as const satisfies Record<ChecksumAlgorithm, keyof PutObjectCommandInput>;

const BOUND = new Set([
  "content-length",
  "content-md5",
  "content-type",
  "host",
  "if-none-match",
  "x-amz-checksum-crc32c",
  "x-amz-checksum-sha256",
  "x-amz-tagging",
]);
