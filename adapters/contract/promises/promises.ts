import type { Ability } from "../../../application/ports/abilities.ts";
import { announced } from "./announced.ts";
import { boundProperty } from "./bound-property.ts";
import { content } from "./content.ts";
import { confirm } from "./confirm.ts";
import { download } from "./download.ts";
import { harmless } from "./harmless.ts";
import { incoming } from "./incoming.ts";
import { listing } from "./listing.ts";
import { multipart } from "./multipart.ts";
import { overtaken } from "./overtaken.ts";
import { reading } from "./read.ts";
import { removal } from "./removal.ts";
import { signedRequest } from "./signed-request.ts";
import { scoped } from "./scoped.ts";
import type { StorePromise } from "./store-promise.ts";

/** Every promise about a store, in the order in which they are tried. */
export const PROMISES: ReadonlyArray<StorePromise> = [
  signedRequest,
  boundProperty,
  download,
  confirm,
  harmless,
  multipart,
  reading,
  content,
  incoming,
  announced,
  overtaken,
  removal,
  listing,
  scoped,
].flat();

/** The version of the promises that abilities stand on; a certificate of an older one has others. */
export const CONTRACT = 3;

/** The abilities that a certificate decides, each after those on which it may depend. */
export const CERTIFIED = [
  "multipart",
  "part sha256",
  "part crc32c",
  "part md5",
  "replaced parts",
  "copies",
  "copies once",
  "completes once",
  "sha256",
  "crc32c",
  "md5",
  "file checksums",
  "write-once",
  "scoped credentials",
] as const satisfies ReadonlyArray<Ability>;

/** The same where each may be signed for or not, as on Azure. */
const BINDABLE = ["bound type", "bound size", "md5", "write-once"] as const;

const titlesBy = (
  abilities: ReadonlyArray<Ability>,
  decides: (needs: ReadonlyArray<Ability>, ability: Ability) => boolean,
): Readonly<Record<string, ReadonlyArray<string>>> =>
  Object.fromEntries(
    abilities.map((ability) => [
      ability,
      PROMISES.filter(({ needs, lacks }) => lacks.length === 0 && decides(needs, ability)).map(
        ({ title }) => title,
      ),
    ]),
  );

/**
 * The promises that each ability stands on: those that need it and no ability after it. A store has an
 * ability that a certificate may decide if it keeps them all. Those in `bound` need no other.
 */
export const standsOn = {
  contract: CONTRACT,
  abilities: titlesBy(CERTIFIED, (needs, ability) => needs.at(-1) === ability),
  bound: titlesBy(BINDABLE, (needs, ability) => `${needs}` === ability),
  /** Those that every store must keep: a service does not start over one that was seen to break them. */
  every: PROMISES.filter(
    ({ needs, lacks }) =>
      lacks.length === 0 && needs.every((ability) => ability === "unsigned headers"),
  ).map(({ title }) => title),
};
