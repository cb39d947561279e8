import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import {
  type Audience,
  type CredentialsUnavailable,
  type GetRequest,
  Presigner,
  type PutRequest,
} from "../../application/ports/presigner.ts";
import { endOf, headersOfPut, headersToSend, overridesOfGet } from "./binding.ts";
import type { BucketAddress } from "./bucket-address.ts";
import { encodeKey } from "./encode.ts";
import { signQuery } from "./sign-query.ts";
import { AWS4_HMAC_SHA256, type Pair, type SigningKeys } from "./v4.ts";

/** Signing keys, and the instant at which they end (milliseconds since 1970) if they do. */
export interface HeldKeys {
  readonly keys: SigningKeys;
  readonly expiresAt?: number | undefined;
}

/** The `Presigner` of every store that speaks Signature Version 4. */
export function v4Presigner(store: {
  readonly addresses: Readonly<Record<Audience, BucketAddress>>;
  readonly region: string;
  /** The keys of the moment, as one object for as long as they stay the same. */
  readonly keys: Effect.Effect<HeldKeys, CredentialsUnavailable>;
}): Presigner["Service"] {
  const sign = (signing: {
    readonly method: "GET" | "PUT";
    readonly request: PutRequest | GetRequest;
    readonly headersAt: (host: string) => ReadonlyArray<Pair>;
    readonly query: ReadonlyArray<Pair>;
    readonly toSend: Readonly<Record<string, string>>;
  }) =>
    Effect.flatMap(store.keys, ({ keys, expiresAt }) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const { method, request } = signing;
        const address = store.addresses[request.audience];
        return {
          method,
          url: signQuery({
            algorithm: AWS4_HMAC_SHA256,
            method,
            origin: address.origin,
            path: `${address.path}/${encodeKey(request.key)}`,
            query: signing.query,
            headers: signing.headersAt(address.host),
            keys,
            region: store.region,
            now,
            expiresIn: Duration.toSeconds(request.lifetime),
          }),
          headers: signing.toSend,
          expiresAt: endOf(now, request.lifetime, expiresAt),
        };
      }),
    );

  return Presigner.of({
    put: (request) =>
      sign({
        method: "PUT",
        request,
        headersAt: (host) => headersOfPut(request, host),
        query: [],
        toSend: headersToSend(request),
      }),
    get: (request) =>
      sign({
        method: "GET",
        request,
        headersAt: (host) => [["host", host]],
        query: overridesOfGet(request),
        toSend: {},
      }),
    publicOrigin: store.addresses.public.origin,
  });
}
