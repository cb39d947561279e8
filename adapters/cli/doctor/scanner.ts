import * as Effect from "effect/Effect";
import type { NetConnectOpts } from "node:net";
import { makeClamd } from "../../content/clamd.ts";
import { TEST_FILE } from "../../content/test-files.ts";
import { reportTo, type OnFinding } from "./finding.ts";

const WHY = "An upload becomes a file only when clamd has scanned all of it.";
const MEND =
  "correct CLAMD_ADDRESS, or clamd.conf: StreamMaxLength, MaxFileSize and MaxScanSize as large as max_size of the policies";

/** Has clamd scan the EICAR test file, and the same in a file as large as the policies allow. */
export const scanner = Effect.fnUntraced(function* (
  address: NetConnectOpts,
  largest: number,
  tell: OnFinding,
) {
  const { passed, failed } = reportTo(tell, "scanner");
  const { scan } = yield* makeClamd(address);
  const seen = yield* Effect.match(scan(Effect.sync(() => padded(largest))), {
    onSuccess: (verdict) =>
      verdict !== "clean" && "infected" in verdict
        ? undefined
        : `clamd does not scan files of ${largest} bytes, which a policy allows`,
    onFailure: ({ reason }) => reason,
  });
  if (seen === undefined) passed(`clamd finds the EICAR test file in ${largest} bytes`);
  else failed(seen, WHY, MEND);
});

async function* padded(size: number) {
  yield TEST_FILE;
  const zeros = new Uint8Array(2 ** 16);
  for (let left = size - TEST_FILE.length; left > 0; left -= zeros.length) {
    yield zeros.subarray(0, left);
  }
}
