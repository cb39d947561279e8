import * as Context from "effect/Context";
import * as Layer from "effect/Layer";
import type { ConfiguredStore } from "../settings/loaded.ts";

/** A fetch handler that answers everything under a path. */
export interface Mount {
  /** Begins with a slash and does not end with one. */
  readonly path: string;
  readonly fetch: (request: Request) => Promise<Response>;
}

/** Handlers that the service answers with beside its own routes. */
export class Mounts extends Context.Service<Mounts, ReadonlyArray<Mount>>()("valetkey/Mounts") {}

/** A store that answers elsewhere: the service serves nothing for it. */
export const unmounted = (store: ConfiguredStore): ConfiguredStore<Mounts> => ({
  ...store,
  layer: Layer.merge(store.layer, Layer.succeed(Mounts, [])),
});
