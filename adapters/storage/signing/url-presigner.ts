import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import {
  type Audience,
  type GetRequest,
  type ObjectRequest,
  type PartRequest,
  Presigner,
  type SignedPut,
  type SignedRequest,
} from "../../../application/ports/presigner.ts";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import type { Binding, Bound, PartBinding } from "./binding.ts";
import type { BucketAddress } from "./bucket-address.ts";
import type { AbsentHeaders } from "./sign-query.ts";
import type { CredentialSource, Signer } from "./signer.ts";
import { encodeKey, type Pair } from "./v4.ts";

/** Makes the `Presigner` of a store whose signature is in the query of a URL. */
export function urlPresigner(store: {
  readonly addresses: Readonly<Record<Audience, BucketAddress>>;
  readonly region: string;
  readonly binding: Binding;
  readonly signers: Readonly<Record<"put" | "get", CredentialSource<Signer>>>;
  /** True if signing is a network call. */
  readonly isRemote?: boolean;
  /** The query that sets the headers of the answer to a GET. */
  readonly overrides: (request: GetRequest) => ReadonlyArray<Pair>;
  /** The binding of parts; none are signed if undefined. */
  readonly parts?:
    | {
        readonly binding: PartBinding;
        /** The query that names the part; that of S3 if left out. */
        readonly query?: (request: PartRequest) => ReadonlyArray<Pair>;
      }
    | undefined;
  /** Headers that no PUT may have; its binding signs none of them. */
  readonly absent?: AbsentHeaders | undefined;
}): Presigner["Service"] {
  const { addresses, region, signers, parts } = store;

  const signUrl = (
    method: "GET" | "PUT",
    request: ObjectRequest & Pick<GetRequest, "window">,
    { signed: headers, toSend }: Bound,
    query: ReadonlyArray<Pair>,
  ): Effect.Effect<SignedRequest, CredentialsUnavailable> =>
    // Eager, since held keys sign at once, and each step of a fiber costs as much as a hash.
    Effect.clockWith((clock) => {
      const { lifetime, minLifetime, window, audience } = request;
      const moment = clock.currentTimeMillisUnsafe();
      // Seconds are rounded down; a lifetime one second short is accepted.
      const needed = Math.min(Duration.toMillis(lifetime), Duration.toMillis(minLifetime));
      const held = method === "PUT" ? signers.put : signers.get;
      return Effect.flatMapEager(held(moment, needed), (signer) => {
        const step = window === undefined ? 0 : Duration.toMillis(window);
        const now = step > 0 ? Math.floor(moment / step) * step : moment;
        const second = Math.floor(now / 1000);
        const { expiresAt = Infinity, longestLife = Infinity } = signer;
        const left = Math.floor(expiresAt / 1000) - second;
        const expiresIn = Math.min(Duration.toSeconds(lifetime), longestLife, left);
        if (expiresIn * 1000 < needed - 1000) return tooShort(expiresIn);
        const { origin, unsignedPrefix, path } = addresses[audience];
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
          const end = DateTime.makeUnsafe((second + expiresIn) * 1000);
          return { method, url, headers: toSend, expiresAt: end };
        });
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
        signUrl(
          "PUT",
          request,
          parts.binding(request, addresses[request.audience].host),
          (parts.query ?? s3PartQuery)(request),
        ),
    }),
    isRemote: store.isRemote ?? false,
    publicOrigin: addresses.public.origin,
  });
}

const s3PartQuery = ({ partNumber, uploadId }: PartRequest): ReadonlyArray<Pair> => [
  ["partNumber", String(partNumber)],
  ["uploadId", uploadId],
];

const tooShort = (seconds: number) =>
  Effect.fail(
    new CredentialsUnavailable({
      reason: `a URL could only live for ${seconds} seconds, since the credentials expire then; the policy's min_lifetime is longer`,
    }),
  );
