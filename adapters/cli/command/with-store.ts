import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { guarded } from "../../../application/store/guarded-store.ts";
import { S3Access } from "../../storage/s3/access.ts";
import type { Storage } from "../../storage/storage.ts";
import { errorReason } from "../../values/thrown.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { withWarnings } from "./store-log.ts";

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
