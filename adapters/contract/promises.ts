import { CERTIFIED } from "./abilities.ts";
import { announced } from "./announced.ts";
import { boundProperty } from "./bound-property.ts";
import { content } from "./content.ts";
import { confirm } from "./confirm.ts";
import { download } from "./download.ts";
import { harmless } from "./harmless.ts";
import { incoming } from "./incoming.ts";
import { multipart } from "./multipart.ts";
import { reading } from "./read.ts";
import { removal } from "./removal.ts";
import { signedRequest } from "./signed-request.ts";
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
  removal,
].flat();

/** The version of the promises that abilities stand on; a certificate of an older one has others. */
export const CONTRACT = 1;

/**
 * The promises that each ability stands on: those that need it and no ability after it. A store has an
 * ability that a certificate may decide if it keeps them all.
 */
export const standsOn: {
  readonly contract: number;
  readonly abilities: Readonly<Record<string, ReadonlyArray<string>>>;
} = {
  contract: CONTRACT,
  abilities: Object.fromEntries(
    CERTIFIED.map((ability) => [
      ability,
      PROMISES.filter(({ needs, lacks }) => needs.at(-1) === ability && lacks.length === 0).map(
        ({ title }) => title,
      ),
    ]),
  ),
};
