import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import {
  type Audience,
  type GetRequest,
  Presigner,
  type PutRequest,
} from "../../application/ports/presigner.ts";
import { type Binding, overridesOfGet } from "./binding.ts";
import type { BucketAddress } from "./bucket-address.ts";
import { encodeKey } from "./encode.ts";
import type { Held } from "./held.ts";
import { endOf, lifeNeeded, secondsOfLife } from "./lifetime.ts";
import type { Signer } from "./signer.ts";
import type { Pair } from "./v4.ts";

/** The `Presigner` of every store that speaks Signature Version 4, of AWS or of Google. */
export function v4Presigner(store: {
  readonly addresses: Readonly<Record<Audience, BucketAddress>>;
  readonly region: string;
  readonly binding: Binding;
  readonly signer: Held<Signer>;
}): Presigner["Service"] {
  const { binding } = store;
  const sign = <Method extends "GET" | "PUT">(signing: {
    readonly method: Method;
    readonly request: PutRequest | GetRequest;
    readonly headersAt: (host: string) => ReadonlyArray<Pair>;
    readonly query: ReadonlyArray<Pair>;
    readonly toSend: Readonly<Record<string, string>>;
  }) => {
    const { method, request } = signing;
    const address = store.addresses[request.audience];
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.flatMap(store.signer(now, lifeNeeded(request)), (signer) => {
        const expiresIn = secondsOfLife(request, signer, now);
        const url = signer.sign({
          method,
          origin: address.origin,
          unsignedPrefix: address.unsignedPrefix ?? "",
          path: `${address.path}/${encodeKey(request.key)}`,
          query: signing.query,
          headers: signing.headersAt(address.host),
          region: store.region,
          now,
          expiresIn,
        });
        return Effect.map(url, (url) => ({
          method,
          url,
          headers: signing.toSend,
          expiresAt: endOf(now, expiresIn),
        }));
      }),
    );
  };

  return Presigner.of({
    put: (request) =>
      sign({
        method: "PUT",
        request,
        headersAt: (host) => binding.headersOfPut(request, host),
        query: [],
        toSend: binding.headersToSend(request),
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
