import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type { Audience, Presigner } from "../../application/ports/presigner.ts";
import type { Abilities, StoreLimits } from "../../application/ports/abilities.ts";
import type { NotificationForm } from "../../application/ports/notification-form.ts";
import type { StoreUnavailable } from "../../domain/errors.ts";
import { DEFAULT_STORE, type StoreName } from "../../domain/place.ts";
import type { Read, Settings } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import type { ByHand } from "./by-hand.ts";
import type { Decided, Known } from "./known.ts";
import type { PlaceWord } from "./place-words.ts";
import type { Untrusted } from "./untrusted.ts";

/** A kind of store, exported by the module `storage.ts` of its folder. */
export interface Store {
  readonly settings: Settings;
  /** Reads its settings; only the embedded store depends on its address, by default `STORE_PATH`. */
  readonly read: (source: Source) => Read<(publicUrl: URL, path?: string) => KnownStorage>;
}

/** A configured store. Some of its abilities may depend on the state of its bucket. */
export interface Storage extends Pick<Known, "abilities" | "unproved"> {
  /** Such as `MinIO at http://127.0.0.1:9000, bucket files`. */
  readonly description: string;
  readonly limits: StoreLimits;
  /** True if the signature of each GET is a call to a service with a quota. */
  readonly signsByCalls?: boolean;
  /** The bucket, and the API of its notifications; the embedded store has none. */
  readonly bucket?: PlaceWord & { readonly api: string; readonly name: string };
  /** Set if the bucket's owner is not trusted. */
  readonly untrusted?: Untrusted | undefined;
  /** The ports; the store's code is loaded when the layer is built. */
  readonly layer: Layer.Layer<Presigner | ObjectStore, StoreUnavailable>;
  /** Answers below `STORE_PATH`, if the service is the store itself. */
  readonly fetch?: (request: Request, onAnnounced?: OnAnnounced) => Promise<Response>;
}

/** A store of a known kind, with what notifications and commands load. */
export interface KnownStorage extends Storage {
  readonly notificationForm?: () => Promise<NotificationForm>;
  readonly byHand: () => Promise<ByHand>;
  readonly certifying?: Certifying;
}

/** Facts of a store that `valetkey certify` writes into a certificate. */
export interface Certifying {
  /** As `STORAGE_PROVIDER` names it; left out for adapters of one store. */
  readonly provider?: string;
  /** The address at which the service reaches it; left out if the region says so. */
  readonly endpoint?: URL | undefined;
  readonly region?: string;
  /** Two addresses, if both can be tried. */
  readonly origins?: Readonly<Record<Audience, string>> | undefined;
  readonly decided: Decided;
  /** Returns the store with these abilities, of those that its certificate decides. */
  readonly withAbilities: (abilities: Abilities) => Storage;
}

/** Called, before the answer, with the key of an upload that has arrived with its grant. */
export type OnAnnounced = (key: string) => Promise<unknown>;

/** The path below `PUBLIC_URL` at which the service answers as a store. */
export const STORE_PATH = "/store";

/** The path below which embedded stores answer by their names. */
export const STORES_PATH = "/stores";

/** Returns the path of an embedded store. */
export const pathOf = (name: StoreName): string =>
  name === DEFAULT_STORE ? STORE_PATH : `${STORES_PATH}/${name}`;

export const mountsFor = ({ fetch }: Storage) =>
  fetch === undefined ? [] : [{ path: STORE_PATH, fetch }];

/** Loads a layer's code when the layer is built. */
export const loaded = <A, E>(load: () => Promise<Layer.Layer<A, E>>): Layer.Layer<A, E> =>
  Layer.unwrap(Effect.promise(load));
