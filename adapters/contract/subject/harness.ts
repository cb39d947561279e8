import type * as Layer from "effect/Layer";
import type { ObjectStore } from "../../../application/ports/object-store.ts";
import type { Audience, Presigner } from "../../../application/ports/presigner.ts";
import type { Ability } from "../../../application/ports/abilities.ts";

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
