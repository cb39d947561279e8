import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type { NetConnectOpts } from "node:net";

/** The scanner at that address, whose code is loaded when the layer is built; none without one. */
export const layer = (clamd: NetConnectOpts | undefined): Layer.Layer<never> =>
  clamd === undefined
    ? Layer.empty
    : Layer.unwrap(Effect.promise(async () => (await import("./clamd.ts")).layer(clamd)));
