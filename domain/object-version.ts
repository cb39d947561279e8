import * as Schema from "effect/Schema";

/** The name of a version or generation of an object, as its store writes it. */
export const ObjectVersion = Schema.String.check(Schema.isPattern(/^[!-~]{1,1024}$/));
