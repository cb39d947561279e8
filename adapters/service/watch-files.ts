import * as Effect from "effect/Effect";
import { stat } from "node:fs/promises";
import { errorCode } from "../values/thrown.ts";

/** Looks at files that never rest before they are read all the same. */
const MOST_LOOKS = 5;

/**
 * Runs `work` whenever files have changed and then stayed the same for a second. Looks at their
 * metadata, since events of a file system miss a mounted volume and a replaced symbolic link.
 */
export const watchFiles = Effect.fnUntraced(function* (
  paths: () => ReadonlyArray<string>,
  work: Effect.Effect<unknown>,
) {
  let [last, handled, looks] = ["", "", 0];
  while (true) {
    yield* Effect.sleep("1 second");
    const now = (yield* Effect.promise(() => Promise.all(paths().map(describe)))).join("\n");
    looks = now === handled ? 0 : looks + 1;
    if (looks > 0 && (now === last || looks === MOST_LOOKS)) {
      [handled, looks] = [now, 0];
      yield* work;
    }
    last = now;
  }
});

async function describe(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [path, dev, ino, size, mtimeNs, ctimeNs].join(" ");
  } catch (cause) {
    return `${path} ${String(errorCode(cause))}`;
  }
}
