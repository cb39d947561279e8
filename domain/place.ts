import * as Schema from "effect/Schema";

/** A store's name in the document of stores: lower-case letters, digits and hyphens. */
export const StoreName = Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9-]{0,62}$/)).pipe(
  Schema.brand("StoreName"),
);
export type StoreName = typeof StoreName.Type;

/** The store of organizations that nobody has placed elsewhere. */
export const DEFAULT_STORE = StoreName.make("default");

/** Where the files of an organization are. */
export const Place = Schema.Struct({
  /** New uploads go here. */
  store: StoreName,
  /** The store from which files are being moved. */
  from: Schema.optional(StoreName),
}).check(Schema.makeFilter(({ store, from }) => store !== from));
export type Place = typeof Place.Type;
