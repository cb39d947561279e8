import type * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import {
  type Audience,
  type GetRequest,
  type ObjectRequest,
  Presigner,
  type SignedPut,
  type SignedRequest,
} from "../../../application/ports/presigner.ts";
import type { ChecksumAlgorithm } from "../../../domain/checksum.ts";
import { type Binding, type PartBinding, queryOfPart } from "./binding.ts";
import type { BucketAddress } from "./bucket-address.ts";
import { formPresigner, type FormSigning } from "./form-presigner.ts";
import { encodeKey, type Pair } from "./v4.ts";
import { endOf, lifeNeeded, secondsOfLife, signingTime, tooShortLived } from "./lifetime.ts";
import type { AbsentHeaders } from "./sign-query.ts";
import type { Signer, Signers } from "./signer.ts";

/** The `Presigner` of every store that speaks Signature Version 4, of AWS or of Google. */
export function v4Presigner(store: {
  readonly addresses: Readonly<Record<Audience, BucketAddress>>;
  readonly region: string;
  readonly binding: Binding;
  readonly signers: Signers<Signer>;
  /** Whether signing is a network call. */
  readonly isRemote?: boolean;
  /** The query that sets the headers of the answer to a GET. */
  readonly overrides: (request: GetRequest) => ReadonlyArray<Pair>;
  readonly checksums: ReadonlyArray<ChecksumAlgorithm>;
  /** The largest object that one PUT can make, in bytes. */
  readonly largestPut?: number;
  /** How parts are bound; none are signed if undefined. */
  readonly parts?:
    | {
        readonly binding: PartBinding;
        /** The checksums of a part that the store verifies. */
        readonly checksums: ReadonlyArray<ChecksumAlgorithm>;
      }
    | undefined;
  /** Headers that no PUT may have, apart from those that its binding signs. */
  readonly absent?: AbsentHeaders | undefined;
  /** What signs HTML forms; none are signed if undefined. */
  readonly forms?: FormSigning | undefined;
}): Presigner["Service"] {
  /** Signs for now; `answer` makes the result of the URL and the instant at which it ends. */
  const sign = <A>(
    method: "GET" | "PUT",
    request: ObjectRequest,
    bound: { readonly headers: ReadonlyArray<Pair>; readonly query: ReadonlyArray<Pair> },
    answer: (url: string, expiresAt: DateTime.Utc) => A,
  ) =>
    // Eager, since held keys sign at once, and each step of a fiber costs as much as a hash.
    Effect.clockWith((clock) => {
      const moment = clock.currentTimeMillisUnsafe();
      const needed = lifeNeeded(request);
      return Effect.flatMapEager(store.signers[USES[method]](moment, needed), (signer) => {
        const now = signingTime(request, moment);
        const { origin, unsignedPrefix, path } = store.addresses[request.audience];
        const expiresIn = secondsOfLife(request, signer, now);
        if (expiresIn * 1000 < needed - 1000) return tooShortLived(expiresIn);
        const url = signer.sign({
          method,
          origin,
          unsignedPrefix,
          path: `${path}/${encodeKey(request.key)}`,
          query: bound.query,
          headers: bound.headers,
          absent: method === "PUT" ? store.absent : undefined,
          region: store.region,
          now,
          expiresIn,
        });
        return Effect.mapEager(url, (url) => answer(url, endOf(now, expiresIn)));
      });
    });

  const { parts } = store;
  return Presigner.of({
    put: (request) => {
      const { host } = store.addresses[request.audience];
      const { signed, toSend, isOnce } = store.binding(request, host);
      return sign("PUT", request, { headers: signed, query: [] }, (url, expiresAt): SignedPut => ({
        method: "PUT",
        url,
        headers: toSend,
        expiresAt,
        isOnce,
      }));
    },
    get: (request) => {
      const { host } = store.addresses[request.audience];
      return sign(
        "GET",
        request,
        { headers: [["host", host]], query: store.overrides(request) },
        (url, expiresAt): SignedRequest => ({ method: "GET", url, headers: {}, expiresAt }),
      );
    },
    ...(parts && {
      part: (request) => {
        const { host } = store.addresses[request.audience];
        const { headers, toSend } = parts.binding(request, host);
        return sign(
          "PUT",
          request,
          { headers, query: queryOfPart(request) },
          (url, expiresAt): SignedRequest => ({ method: "PUT", url, headers: toSend, expiresAt }),
        );
      },
      partChecksums: parts.checksums,
    }),
    ...(store.forms === undefined ? {} : { form: formPresigner(store, store.forms) }),
    isRemote: store.isRemote ?? false,
    checksums: store.checksums,
    ...(store.largestPut === undefined ? {} : { largestPut: store.largestPut }),
    publicOrigin: store.addresses.public.origin,
  });
}

const USES = { PUT: "put", GET: "get" } as const;
