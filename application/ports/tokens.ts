import * as Context from "effect/Context";
import type * as Option from "effect/Option";

/** The purpose of a token. A token for one purpose is never valid for another. */
export type TokenPurpose = "receipt" | "announcement" | "link" | "upload";

/** Seals text so that its holder can read it, but can neither change nor invent it. */
export class Tokens extends Context.Service<
  Tokens,
  {
    /** An encrypted token has content that its holder must not read. */
    readonly seal: (purpose: TokenPurpose, content: string, privacy?: "encrypted") => string;
    /** The content of a token that was sealed here for this purpose; none for any other text. */
    readonly open: (purpose: TokenPurpose, token: string) => Option.Option<string>;
  }
>()("valetkey/Tokens") {}
