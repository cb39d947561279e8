import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as References from "effect/References";
import type { Storage } from "../../storage/storage.ts";
import { printMessage } from "./output.ts";

// What a store says in its log, where a command and not a service uses it.

const SILENCE = Layer.succeed(References.MinimumLogLevel, "None");

/** The layer without its log. */
export const quietly = (layer: Storage["layer"]): Storage["layer"] =>
  Layer.provideMerge(layer, SILENCE);

const WARNINGS = Logger.layer([
  Logger.make<unknown, void>(({ message }) =>
    printMessage(`Warning: ${String([message].flat()[0])}.\n`),
  ),
]);

/** The layer without its advice for a service; warnings while the store is used are shown. */
export const withWarnings: typeof quietly = (layer) =>
  Layer.provideMerge(Layer.provide(layer, SILENCE), WARNINGS);
