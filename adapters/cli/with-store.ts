import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as Option from "effect/Option";
import { guarded } from "../../application/guarded-store.ts";
import { S3Access } from "../storage/rest/s3-access.ts";
import type { Storage } from "../storage/storage.ts";
import * as telemetry from "../telemetry/log.ts";
import { errorReason } from "../thrown.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { tell } from "./output.ts";

const TIMEOUT = "30 seconds";

/**
 * Runs work of a command. `failure`, such as "The rule was not added", begins the message. Work that
 * is long has no time limit as a whole, but each of its calls has.
 */
export async function runWithStore<A, E>(
  { layer }: Storage,
  program: Effect.Effect<A, E, Layer.Success<Storage["layer"]>>,
  failure: string,
  { isLong = false } = {},
): Promise<A> {
  const tooLate = () => Effect.fail(`the store did not answer within ${TIMEOUT}`);
  const inTime = isLong
    ? Effect.provide(program, guarded(withWarnings(layer)))
    : Effect.timeoutOrElse(Effect.provide(program, withWarnings(layer)), {
        duration: TIMEOUT,
        orElse: tooLate,
      });
  try {
    return await Effect.runPromise(inTime);
  } catch (cause) {
    if (cause instanceof CommandFailure) throw cause;
    const message = `${failure}: ${errorReason(cause).replace(/\.$/, "")}.`;
    throw new CommandFailure({ code: EXIT.failure, message });
  }
}

/** Access to a bucket of S3's API beyond the ports; undefined for another store. */
export const s3Access = Effect.map(Effect.serviceOption(S3Access), Option.getOrUndefined);

const SILENCE = telemetry.layer({ level: "none", format: "json" });

/** The layer without its log. */
export const quietly = (layer: Storage["layer"]): Storage["layer"] =>
  Layer.provideMerge(layer, SILENCE);

const WARNINGS = Logger.layer([
  Logger.make<unknown, void>(({ message }) =>
    tell(`Warning: ${telemetry.splitMessage(message).text}.\n`),
  ),
]);

/** The layer without its advice for a service; warnings while the store is used are shown. */
export const withWarnings: typeof quietly = (layer) =>
  Layer.provideMerge(Layer.provide(layer, SILENCE), WARNINGS);
