import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { ObjectKey } from "../../../domain/storage-key.ts";
import {
  asUnavailable,
  type Bucket,
  signedFetch,
  type StoreResponse,
} from "../rest/signed-fetch.ts";
import type { CredentialSource, Signer } from "../signing/signer.ts";
import { encodeKey } from "../signing/v4.ts";
import { errorCode, refused } from "./refusal.ts";
import type { AzureSettings } from "./settings.ts";

/** A container. */
export interface AzureContainer {
  readonly settings: AzureSettings;
  /** At the internal address. */
  readonly bucket: Bucket;
  /** Signs for clients, and for Azure's own copies. */
  readonly client: CredentialSource<Signer>;
}

export const refuse = ({ settings }: AzureContainer, answer: StoreResponse) =>
  Effect.fail(refused(settings, answer));

/**
 * Makes a call, and repeats it without the lease if there is one: a client that may write a block
 * may also take a lease, which would keep the blob forever.
 */
export const breakingLease = <E>(
  { bucket }: AzureContainer,
  key: ObjectKey,
  call: Effect.Effect<StoreResponse, E>,
) =>
  Effect.flatMap(call, (answer) => {
    if (errorCode(answer) !== "LeaseIdMissing") return Effect.succeed(answer);
    const headers = [
      ["x-ms-lease-action", "break"] as const,
      ["x-ms-lease-break-period", "0"] as const,
    ];
    const query = [["comp", "lease"] as const];
    return Effect.andThen(signedFetch(bucket, { method: "PUT", key, query, headers }), call);
  });

/** Returns a URL by which Azure itself reads a blob. */
export const sourceUrl = Effect.fnUntraced(function* (
  { bucket: { address, region }, client }: AzureContainer,
  key: ObjectKey,
) {
  const now = yield* Clock.currentTimeMillis;
  const signer = yield* client(now, 0);
  const path = `${address.path}/${encodeKey(key)}`;
  const signing = { ...address, method: "GET", path, query: [], headers: [], region, now };
  return yield* signer.sign({ ...signing, expiresIn: COPY_LIFETIME });
}, Effect.mapError(asUnavailable));

/** In seconds. */
const COPY_LIFETIME = 15 * 60;
