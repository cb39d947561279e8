import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { ObjectKey } from "../../../domain/storage-key.ts";
import { asUnavailable, type Bucket, type StoreResponse } from "../rest/signed-fetch.ts";
import type { CredentialSource, Signer } from "../signing/signer.ts";
import { encodeKey } from "../signing/v4.ts";
import { refused } from "./refusal.ts";
import type { AzureSettings } from "./settings.ts";

/** A container. */
export interface AzureContainer {
  readonly settings: AzureSettings;
  /** As the service itself reaches it. */
  readonly bucket: Bucket;
  /** Signs for clients, and for Azure where it copies. */
  readonly client: CredentialSource<Signer>;
}

export const refuse = ({ settings }: AzureContainer, answer: StoreResponse) =>
  Effect.fail(refused(settings, answer));

/** A URL by which Azure itself reads a blob. */
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
