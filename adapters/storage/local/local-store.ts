import * as Context from "effect/Context";

/** The embedded store's HTTP side, for a server to mount where its addresses point. */
export class LocalStore extends Context.Service<
  LocalStore,
  { readonly fetch: (request: Request) => Promise<Response> }
>()("valetkey/LocalStore") {}
