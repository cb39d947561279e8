import type * as Layer from "effect/Layer";
import type { ObjectStore } from "../../../application/ports/object-store.ts";
import type { Audience, Presigner } from "../../../application/ports/presigner.ts";

/** A store to test by the contract, as its adapter describes it. */
export interface Harness {
  /** The store's name in the titles of the tests. */
  readonly name: string;
  /**
   * Abilities that the store lacks; the titles of the tests say so. Everything else is tested. If the
   * store has one of these abilities after all, a test fails too, where that can be tried.
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
  /**
   * The adapter. Before the first test it is built and ensures its bucket; at the end it is closed.
   */
  readonly layer: Layer.Layer<Presigner | ObjectStore, unknown>;
  /** A bucket for the tests alone; they leave their objects there. */
  readonly bucket: string;
  /** Scheme, host and port of each endpoint; needed unless the store is without two endpoints. */
  readonly origins?: Readonly<Record<Audience, string>>;
  /** Cleans up after the layer is disposed of. */
  readonly close?: () => Promise<void>;
}

/**
 * An ability that not every store has:
 *
 * - `sha256`, `crc32c`, `md5`: it verifies this checksum of a PUT, and reports it for the object
 *   (except MD5);
 * - `bound type`: it refuses a PUT of another media type than was granted;
 * - `bound size`: under `strict` it refuses a PUT of another size than was granted;
 * - `plain PUT`: it accepts a PUT with no other header than `Content-Type`, unless more was asked
 *   for;
 * - `signed query`: it refuses a URL to which a parameter was added;
 * - `exact size by default`: the size is bound also without `strict`, since the client need not set
 *   a header for it;
 * - `write-once`: it can be made to accept a PUT only while nothing is stored under its key;
 * - `two endpoints`: browsers and services reach it under different origins;
 * - `pinned downloads`: a signed GET sets all headers of a download, not only type and disposition;
 * - `inline PDF`: it serves a PDF to be shown in place if the signed GET says so;
 * - `multipart`: it is used for uploads in parts;
 * - `replaced parts`: it forgets a part in whose place another one came;
 * - `file checksums`: when it puts parts together, it verifies the CRC-32C of the whole file;
 * - `forms`: it takes HTML forms that are bound by a signed policy;
 * - `reads`: the service can read exactly the object that it looked at;
 * - `copies`: it copies an upload to its place on condition that it is the one that was looked at, and
 *   that nothing is there;
 * - `unsigned headers`: those that a client adds to a PUT change nothing of a file that is confirmed.
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
  "inline PDF",
  "multipart",
  "replaced parts",
  "file checksums",
  "forms",
  "reads",
  "copies",
  "unsigned headers",
] as const;
