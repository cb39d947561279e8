import type * as Layer from "effect/Layer";
import type { ObjectStore } from "../../../application/ports/object-store.ts";
import type { Audience, Presigner } from "../../../application/ports/presigner.ts";

/** A store to test by the contract, as its adapter describes it. */
export interface Harness {
  /** The store's name in the titles of the tests. */
  readonly name: string;
  /**
   * What the store cannot do; every other promise is tested. The titles of the tests say so, and
   * what can be tried is tried: an ability that the store has after all also fails a test.
   */
  readonly without?: ReadonlyArray<Ability>;
  /**
   * The statuses by which the store answers a request that was not granted; 403 by default. Where
   * a signed header is missing it may also answer 400, and a second write-once PUT with 409 or 412.
   */
  readonly refusals?: ReadonlyArray<number>;
  /**
   * Opens the store once, before its first test. Undefined if this machine lacks what it needs: its
   * tests are then skipped.
   */
  readonly open: (() => Promise<OpenStore>) | undefined;
}

/** An open store. */
export interface OpenStore {
  /** The adapter: built before the first test, with the bucket ensured, and disposed of at the end. */
  readonly layer: Layer.Layer<Presigner | ObjectStore, unknown>;
  /** A bucket for the tests alone: their objects are left in it. */
  readonly bucket: string;
  /** Scheme, host and port of each endpoint; needed unless the store is without two endpoints. */
  readonly origins?: Readonly<Record<Audience, string>>;
  /**
   * Whether the store would remove the object as unconfirmed. It asks the store in another way than
   * the adapter does; needed unless the store is without marks.
   */
  readonly isMarked?: (key: string) => Promise<boolean>;
  /** Cleans up after the layer is disposed of. */
  readonly close?: () => Promise<void>;
}

/**
 * What a store can do, and not all can:
 *
 * - `sha256`, `crc32c`, `md5`: it verifies this checksum of a PUT, and tells it of an object (MD5
 *   excepted);
 * - `bound type`: it refuses a PUT of another media type than was granted;
 * - `bound size`: under `strict` it refuses a PUT of another size than was granted;
 * - `plain PUT`: a client that sends `Content-Type` and nothing else is served, where nothing more
 *   is asked for;
 * - `signed query`: it refuses a URL to which a parameter was added;
 * - `exact size by default`: the size is bound without a header that the client has to set, so
 *   also where `strict` is not asked for;
 * - `write-once`: it can be made to accept a PUT only while nothing is stored under its key;
 * - `two endpoints`: browsers and services reach it under different origins;
 * - `pinned downloads`: a signed GET decides on all headers of a download, and not only on type
 *   and disposition;
 * - `extra headers`: it keeps headers that rode along with a PUT unsigned, such as
 *   `Cache-Control`, and serves them with the object;
 * - `inline PDF`: it serves a PDF in place, and not as a download, where the signed GET says so;
 * - `marks`: an upload can be marked as unconfirmed, and the mark be taken off.
 */
export type Ability = (typeof ABILITIES)[number];

/** All abilities, in the order in which titles name them. */
export const ABILITIES = [
  "sha256",
  "crc32c",
  "md5",
  "bound type",
  "bound size",
  "plain PUT",
  "signed query",
  "exact size by default",
  "write-once",
  "two endpoints",
  "pinned downloads",
  "extra headers",
  "inline PDF",
  "marks",
] as const;
