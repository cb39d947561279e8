import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Semaphore from "effect/Semaphore";
import { connect, type NetConnectOpts } from "node:net";
import { pipeline } from "node:stream/promises";
import { cachedFor } from "../../application/resilience/cached.ts";
import { Scanner, type FileScanner, type Verdict } from "../../application/ports/scanner.ts";
import { ScannerUnavailable, StoreUnavailable } from "../../domain/errors.ts";
import { onOneLine } from "../values/printable.ts";
import { clientSpan } from "../values/spans.ts";
import { errorMessage } from "../values/thrown.ts";
import { deepTestFile, TEST_FILE } from "./test-files.ts";

/** By default clamd serves 10 connections at once, and scans for up to two minutes. */
const AT_ONCE = 4;
const LONGEST_SCAN = "5 minutes";
const LONGEST_PROBE = "30 seconds";

/** Longest answer, in characters. */
const LONGEST_ANSWER = 1024;

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export const layer = (address: NetConnectOpts): Layer.Layer<never> =>
  Layer.effect(Scanner, makeClamd(address));

/** Scans with clamd, by its command INSTREAM: clamd(8), "COMMANDS". */
export const makeClamd = Effect.fnUntraced(function* (address: NetConnectOpts) {
  const scan = (file: Chunks, longest: typeof LONGEST_SCAN | typeof LONGEST_PROBE) =>
    clientSpan("clamd/INSTREAM", { "rpc.system.name": "clamd", "rpc.method": "INSTREAM" }, () =>
      Effect.tryPromise({
        try: (signal) => exchange(address, file, signal),
        catch: (cause) =>
          cause instanceof StoreUnavailable ? cause : noVerdict(errorMessage(cause)),
      }),
    ).pipe(
      Effect.timeoutOrElse({
        duration: longest,
        orElse: () => Effect.fail(noVerdict(`there was none within ${longest}`)),
      }),
      Effect.flatMap(verdictFrom),
    );
  const deep = deepTestFile();
  const probe = Effect.gen(function* () {
    for (const [file, remedy] of [
      [TEST_FILE, "give it signatures"],
      [deep, "set AlertExceedsMax yes"],
    ] as const) {
      if ((yield* scan([file], LONGEST_PROBE)) === "clean") {
        const reason = `clamd calls the EICAR test file clean, or did not scan it: ${remedy}`;
        return yield* new ScannerUnavailable({ reason });
      }
    }
  }).pipe(Effect.catchTag("StoreUnavailable", Effect.die));
  // Verdicts are trusted only after this check.
  const check = yield* cachedFor(probe, "5 seconds");
  const slots = Semaphore.makeUnsafe(AT_ONCE);
  return {
    check,
    scan: (open) =>
      Effect.andThen(
        check,
        slots.withPermit(Effect.flatMap(open, (file) => scan(file, LONGEST_SCAN))),
      ),
  } satisfies FileScanner;
});

async function exchange(
  address: NetConnectOpts,
  file: Chunks,
  signal: AbortSignal,
): Promise<string> {
  const socket = connect(address);
  let isSent = false;
  const frames = framed(file, () => (isSent = true));
  // Fails the socket with the reason, so that the missing answer is explained by it.
  void pipeline(frames, socket, { end: false, signal }).catch((cause) => socket.destroy(cause));
  let answer = "";
  for await (const chunk of socket.setEncoding("latin1")) {
    answer += chunk;
    if (answer.length > LONGEST_ANSWER) throw new Error("its answer is too long");
    if (!answer.endsWith("\0")) continue;
    if (isSent || !answer.startsWith(CLEAN)) return answer.slice(0, -1);
    throw new Error("it answered before it had the whole file");
  }
  throw new Error("it closed the connection");
}

async function* framed(file: Chunks, onEnd: () => void) {
  yield Buffer.from("zINSTREAM\0");
  for await (const chunk of file) {
    // A length of zero ends the file.
    if (chunk.length > 0) yield* [length(chunk.length), chunk];
  }
  onEnd();
  yield length(0);
}

const length = (bytes: number) =>
  Buffer.from([bytes >>> 24, bytes >>> 16, bytes >>> 8, bytes].map((byte) => byte & 0xff));

const CLEAN = "stream: OK";
const NOT_SCANNED = /^Heuristics\.(?:Limits\.Exceeded|Encrypted)\b/;

function verdictFrom(answer: string): Effect.Effect<Verdict, ScannerUnavailable> {
  if (answer === CLEAN) return Effect.succeed("clean");
  if (/^INSTREAM size limit exceeded\b/.test(answer)) {
    return Effect.succeed({ unscannable: "StreamMaxLength exceeded" });
  }
  const [, name] = /^stream: ([!-~]{1,256}) FOUND$/.exec(answer) ?? [];
  if (name === undefined) return Effect.fail(noVerdict(`it answered ${onOneLine(answer)}`));
  return Effect.succeed(NOT_SCANNED.test(name) ? { unscannable: name } : { infected: name });
}

/** clamd closes the connection for a file that is too large, so its answer is often lost. */
const noVerdict = (reason: string) =>
  new ScannerUnavailable({
    reason: `clamd gave no verdict: ${reason} (a file above StreamMaxLength?)`,
  });
