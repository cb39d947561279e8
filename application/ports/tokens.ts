import * as Context from "effect/Context";
import type * as Option from "effect/Option";

/** The purpose of a token. A token for one purpose is never valid for another. */
export type TokenPurpose = "receipt" | "announcement" | "link" | "upload" | "names" | "credentials";

/** Seals text so that its holder can read it, but cannot change or forge it. */
export class Tokens extends Context.Service<
  Tokens,
  {
    /** With `encrypted`, its holder cannot read the content. */
    readonly seal: (purpose: TokenPurpose, content: string, privacy?: "encrypted") => string;
    /** Returns the content of a token sealed here for this purpose; none for any other text. */
    readonly open: (purpose: TokenPurpose, token: string) => Option.Option<string>;
  }
>()("valetkey/Tokens") {}
