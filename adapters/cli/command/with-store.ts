import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { guarded } from "../../../application/store/guarded-store.ts";
import { S3Access } from "../../storage/s3/access.ts";
import type { Storage } from "../../storage/storage.ts";
import { errorReason } from "../../values/thrown.ts";
import type { Output } from "./command.ts";
import type { ReadStore } from "./configuration.ts";
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

/** Runs work in each store, also after one in which it failed, and joins the messages. */
export async function inEachStore(
  stores: ReadonlyArray<ReadStore>,
  run: (store: ReadStore) => Promise<Output>,
): Promise<Output> {
  const outputs: Array<Output> = [];
  for (const store of stores) {
    const output = await run(store).catch((cause: unknown) => {
      if (store.name === undefined || !(cause instanceof CommandFailure)) throw cause;
      return { message: cause.message, code: cause.code };
    });
    const name = store.name === undefined ? "" : `${store.name}: `;
    outputs.push({ ...output, message: `${name}${output.message}` });
  }
  return {
    message: outputs.map(({ message }) => message).join("\n"),
    code: outputs.find(({ code }) => code !== undefined)?.code,
  };
}

/** Access to a bucket of S3's API beyond the ports; undefined for another store. */
export const s3Access = Effect.map(Effect.serviceOption(S3Access), Option.getOrUndefined);
