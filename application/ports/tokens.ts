import * as Context from "effect/Context";
import type * as Option from "effect/Option";

/** What a token is for: one is never good for another purpose. */
export type TokenPurpose = "receipt" | "link";

/** Seals text so that whoever holds it can neither change nor invent it; all can read it. */
export class Tokens extends Context.Service<
  Tokens,
  {
    readonly seal: (purpose: TokenPurpose, content: string) => string;
    /** The content of a token that was sealed here for this purpose; none of any other text. */
    readonly open: (purpose: TokenPurpose, token: string) => Option.Option<string>;
  }
>()("valetkey/Tokens") {}
