import * as Effect from "effect/Effect";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeClamd } from "../../adapters/content/clamd.ts";
import { TEST_FILE } from "../../adapters/content/test-files.ts";
import { freePort } from "./free-port.ts";
import { startServer } from "./server-process.ts";

/** A clamd, which can be hurt. */
export type Clamd = Awaited<ReturnType<typeof startClamd>>;

/**
 * Starts clamd on a free port and on a socket, with one signature: that of the EICAR test file. The
 * real ones cannot be downloaded everywhere. `options` replace lines of its configuration.
 */
export async function startClamd(path: string, options: Readonly<Record<string, string>> = {}) {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "valetkey-clamd-"));
  const socket = join(folder, "clamd.ctl");
  const signature = Buffer.from(TEST_FILE).toString("hex");
  mkdirSync(join(folder, "signatures"));
  writeFileSync(join(folder, "signatures/eicar.ndb"), `Eicar-Test-Signature:0:0:${signature}\n`);
  const settings = {
    Foreground: "yes",
    TCPAddr: "127.0.0.1",
    TCPSocket: String(port),
    LocalSocket: socket,
    DatabaseDirectory: join(folder, "signatures"),
    TemporaryDirectory: folder,
    AlertExceedsMax: "yes",
    ...options,
  };
  const file = join(folder, "clamd.conf");
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}\n`);
  writeFileSync(file, lines.join(""));

  const isUp = async () => {
    const asked = connect(port, "127.0.0.1");
    asked.end("zPING\0");
    const [pong] = await once(asked, "data");
    return String(pong) === "PONG\0";
  };
  const server = await startServer({ path, args: [`--config-file=${file}`], folder, isUp });
  return { ...server, address: `127.0.0.1:${port}`, socket };
}

/** The verdict of the clamd at an address on a file in these pieces, or why there is none. */
export const verdictAt = (address: string, file: () => AsyncIterable<Uint8Array>) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const scanner = yield* makeClamd({ host: "127.0.0.1", port: Number(address.split(":")[1]) });
      return yield* Effect.match(scanner.scan(Effect.sync(file)), {
        onSuccess: (verdict) => verdict,
        onFailure: ({ reason }) => reason,
      });
    }),
  );

export const pieces = (...all: ReadonlyArray<Uint8Array>) =>
  async function* () {
    yield* all;
  };
