import * as Schema from "effect/Schema";

export const ObjectVersion = Schema.String.check(Schema.isPattern(/^[!-~]{1,1024}$/));
