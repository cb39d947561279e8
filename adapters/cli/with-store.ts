import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import { reasonOf } from "../thrown.ts";
import type { Storage } from "../storage/storage.ts";
import * as telemetry from "../telemetry/log.ts";
import { CommandFailure, EXIT } from "./command.ts";
import { tell } from "./output.ts";

/** How long a command may wait for a store in all. */
const TIMEOUT = "30 seconds";

/**
 * Runs what a command does with the store. Rejects with a `CommandFailure` that begins with
 * `failure`, such as "The rule was not added", and says why.
 */
export async function runWithStore<A, E>(
  { layer }: Storage,
  program: Effect.Effect<A, E, Provided>,
  failure: string,
): Promise<A> {
  const inTime = Effect.timeoutOrElse(program, {
    duration: TIMEOUT,
    orElse: () => Effect.fail(`the store did not answer within ${TIMEOUT}`),
  });
  try {
    return await Effect.runPromise(Effect.provide(inTime, withWarnings(layer)));
  } catch (cause) {
    if (cause instanceof CommandFailure) throw cause;
    const message = `${failure}: ${reasonOf(cause).replace(/\.$/, "")}.`;
    throw new CommandFailure({ code: EXIT.failure, message });
  }
}

type Provided = Layer.Success<Storage["layer"]>;

const SILENCE = telemetry.layer({ level: "none", format: "json" });

/** The layer without a word. */
export const quietly = (layer: Storage["layer"]): Storage["layer"] =>
  Layer.provideMerge(layer, SILENCE);

/**
 * The layer without its advice for a service. What is said of the store while it is used, such as
 * that it is another one than was configured, is told to the person.
 */
export const withWarnings: typeof quietly = (layer) =>
  Layer.provideMerge(Layer.provide(layer, SILENCE), WARNINGS);

const WARNINGS = Logger.layer([
  Logger.make<unknown, void>(({ message }) =>
    tell(`Warning: ${telemetry.partsOf(message).text}.\n`),
  ),
]);
