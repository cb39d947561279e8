import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import {
  type Audience,
  type GetRequest,
  type ObjectRequest,
  Presigner,
  type SignedForm,
  type SignedPut,
  type SignedRequest,
} from "../../../application/ports/presigner.ts";
import type { ChecksumAlgorithm } from "../../../domain/checksum.ts";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import type { Binding, Bound, PartBinding } from "./binding.ts";
import type { BucketAddress } from "./bucket-address.ts";
import type { AbsentHeaders } from "./sign-query.ts";
import type { FormSigner, CredentialSource, Signer } from "./signer.ts";
import { encodeKey, type Pair } from "./v4.ts";

/** The `Presigner` of every store that speaks Signature Version 4, of AWS or of Google. */
export function v4Presigner(store: {
  readonly addresses: Readonly<Record<Audience, BucketAddress>>;
  readonly region: string;
  readonly binding: Binding;
  readonly signers: Readonly<Record<"put" | "get", CredentialSource<Signer>>>;
  /** True if signing is a network call. */
  readonly isRemote?: boolean;
  /** The query that sets the headers of the answer to a GET. */
  readonly overrides: (request: GetRequest) => ReadonlyArray<Pair>;
  readonly checksums: ReadonlyArray<ChecksumAlgorithm>;
  /** The largest object that one PUT can make, in bytes. */
  readonly largestPut?: number;
  /** The binding of parts; none are signed if undefined. */
  readonly parts?:
    | {
        readonly binding: PartBinding;
        /** The checksums of a part that the store verifies. */
        readonly checksums: ReadonlyArray<ChecksumAlgorithm>;
      }
    | undefined;
  /** Headers that no PUT may have; its binding signs none of them. */
  readonly absent?: AbsentHeaders | undefined;
  /** The bucket of HTML forms, and their signer; none are signed if undefined. */
  readonly forms?:
    | {
        readonly bucket: string;
        readonly signer: CredentialSource<FormSigner>;
        /** The field that carries the grant of an announced upload. */
        readonly announcement: string;
      }
    | undefined;
}): Presigner["Service"] {
  const { addresses, region, signers, parts, forms, largestPut } = store;

  const signUrl = (
    method: "GET" | "PUT",
    request: ObjectRequest,
    { signed: headers, toSend }: Bound,
    query: ReadonlyArray<Pair>,
  ) =>
    inTime(method === "PUT" ? signers.put : signers.get, request, (signer, now, expiresIn) => {
      const { origin, unsignedPrefix, path } = addresses[request.audience];
      const url = signer.sign({
        method,
        origin,
        unsignedPrefix,
        path: `${path}/${encodeKey(request.key)}`,
        query,
        headers,
        absent: method === "PUT" ? store.absent : undefined,
        region,
        now,
        expiresIn,
      });
      return Effect.mapEager(url, (url): SignedRequest => {
        return { method, url, headers: toSend, expiresAt: endAt(now, expiresIn) };
      });
    });

  return Presigner.of({
    put: (request) => {
      const bound = store.binding(request, addresses[request.audience].host);
      return Effect.mapEager(signUrl("PUT", request, bound, []), (signed): SignedPut => {
        return { ...signed, isOnce: bound.isOnce };
      });
    },
    get: (request) => {
      const signed = [["host", addresses[request.audience].host]] as const;
      return signUrl("GET", request, { signed, toSend: {} }, store.overrides(request));
    },
    ...(parts && {
      part: (request) =>
        signUrl("PUT", request, parts.binding(request, addresses[request.audience].host), [
          ["partNumber", String(request.partNumber)],
          ["uploadId", request.uploadId],
        ]),
      partChecksums: parts.checksums,
    }),
    // "POST Object", Amazon S3 API Reference; "POST Object", Cloud Storage XML API.
    ...(forms && {
      form: (request) =>
        inTime(forms.signer, request, (signer, now, expiresIn) => {
          const { origin, unsignedPrefix, path } = addresses[request.audience];
          const fields = signer.signForm({
            bucket: forms.bucket,
            fields: {
              key: request.key,
              "Content-Type": request.mediaType,
              // A page that sends the form into a frame hears of it; 204, the default, leaves the
              // frame as it is.
              success_action_status: "201",
              ...(request.announcement && { [forms.announcement]: request.announcement }),
            },
            sizes: [request.minSize, request.maxSize],
            region,
            now,
            expiresIn,
          });
          const url = `${origin}${unsignedPrefix}${path}/`;
          return Effect.mapEager(fields, (fields): SignedForm => {
            return { url, fields, expiresAt: endAt(now, expiresIn) };
          });
        }),
    }),
    isRemote: store.isRemote ?? false,
    checksums: store.checksums,
    ...(largestPut === undefined ? {} : { largestPut }),
    publicOrigin: addresses.public.origin,
  });
}

/** Seconds are rounded down; a lifetime one second short is accepted. */
const inTime = <S extends Signer, A>(
  held: CredentialSource<S>,
  { lifetime, minLifetime, window }: ObjectRequest & Pick<GetRequest, "window">,
  sign: (signer: S, now: number, expiresIn: number) => Effect.Effect<A, CredentialsUnavailable>,
): Effect.Effect<A, CredentialsUnavailable> =>
  // Eager, since held keys sign at once, and each step of a fiber costs as much as a hash.
  Effect.clockWith((clock) => {
    const moment = clock.currentTimeMillisUnsafe();
    const needed = Math.min(Duration.toMillis(lifetime), Duration.toMillis(minLifetime));
    return Effect.flatMapEager(held(moment, needed), (signer) => {
      const { expiresAt = Infinity, longestLife = Infinity } = signer;
      const step = window === undefined ? 0 : Duration.toMillis(window);
      const now = step > 0 ? Math.floor(moment / step) * step : moment;
      const left = Math.floor(expiresAt / 1000) - Math.floor(now / 1000);
      const expiresIn = Math.min(Duration.toSeconds(lifetime), longestLife, left);
      return expiresIn * 1000 < needed - 1000 ? tooShort(expiresIn) : sign(signer, now, expiresIn);
    });
  });

/** The instant at which the store begins to refuse a signature made at `now`. */
const endAt = (now: number, seconds: number) =>
  DateTime.makeUnsafe((Math.floor(now / 1000) + seconds) * 1000);

const tooShort = (seconds: number) =>
  Effect.fail(
    new CredentialsUnavailable({
      reason: `a URL could only live for ${seconds} seconds, since the credentials expire then; the policy's min_lifetime is longer`,
    }),
  );
