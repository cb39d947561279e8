import * as Effect from "effect/Effect";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runDoctor } from "../../adapters/cli/doctor/run.ts";
import { makeClamd } from "../../adapters/content/clamd.ts";
import { TEST_FILE } from "../../adapters/content/test-files.ts";
import { StoreUnavailable } from "../../domain/errors.ts";
import { pieces, startClamd, verdictAt } from "../support/clamd.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";

const path = await need("clamd");
const MIB = 2 ** 20;

const start = (options = {}) => startClamd(path ?? "", options);

async function examine(options: Readonly<Record<string, string>>, maxSize = "3 MiB") {
  const folder = makeFolder();
  const clamd = await startClamd(path ?? "", options);
  const policy = {
    arrival: "incoming",
    verify_content: false,
    write_once: true,
    scan: "clamd",
    max_size: maxSize,
  };
  const env = {
    STORAGE_LOCAL_DIR: folder,
    STORAGE_POLICIES: JSON.stringify({ checked: policy }),
    CLAMD_ADDRESS: clamd.address,
  };
  const run = { origins: [], mayLeave: false, onStart: () => undefined, tell: () => undefined };
  const { findings } = await runDoctor(env, run);
  return findings.filter(({ check }) => check === "scanner");
}

describe.skipIf(path === undefined)("a real clamd", () => {
  const LIMITS = { StreamMaxLength: "3M", MaxFileSize: "2M", MaxScanSize: "2M" };

  it("tells clean from infected, also in pieces and after an empty one", async () => {
    const { address } = await start();
    const ask = (...all: ReadonlyArray<Uint8Array>) => verdictAt(address, pieces(...all));
    const infected = { infected: expect.stringContaining("Eicar-Test-Signature") };
    expect(await ask(Buffer.from("text"))).toBe("clean");
    expect(await ask(TEST_FILE)).toEqual(infected);
    const [head, tail] = [TEST_FILE.subarray(0, 30), TEST_FILE.subarray(30)];
    expect(await ask(head, new Uint8Array(0), tail)).toEqual(infected);
    const large = new Uint8Array(5 * MIB);
    large.set(TEST_FILE);
    expect(await ask(large)).toEqual(infected);
  });

  it("a file above its limits is not clean", async () => {
    const { address } = await start(LIMITS);
    const ask = (size: number) => verdictAt(address, pieces(new Uint8Array(size)));
    const notScanned = { unscannable: expect.any(String) };
    expect(await ask(MIB)).toBe("clean");
    expect(await ask(2.5 * MIB)).toEqual(notScanned);
    // clamd closes as soon as it knows, so that its answer may be lost.
    expect(JSON.stringify(await ask(4 * MIB))).toContain("StreamMaxLength");
  });

  it("one that calls clean what it did not scan is not believed", async () => {
    const { address } = await start({ ...LIMITS, AlertExceedsMax: "no" });
    expect(await verdictAt(address, pieces(Buffer.from("text")))).toMatch(/AlertExceedsMax yes/);
  });

  it("a file of which the store gives only a part is not clean", async () => {
    const { address } = await start();
    const verdict = await verdictAt(address, async function* () {
      yield Buffer.from("text");
      throw new StoreUnavailable({ kind: "unreachable", reason: "the store hung up" });
    });
    expect(verdict).toBe("the store hung up");
  });

  it("as deploy/compose/clamd.conf has it, calls nothing clean that it did not scan", async () => {
    const file = new URL("../../deploy/compose/clamd.conf", import.meta.url);
    // Where and who it is are the container's business.
    const lines = readFileSync(file, "utf8").matchAll(/^((?:Alert|Max|Stream)\w+) (.+)$/gm);
    const limits = Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
    expect(Object.keys(limits)).toContain("MaxFileSize");
    const { address } = await start(limits);
    expect(await verdictAt(address, pieces(Buffer.from("text")))).toBe("clean");
  });

  it("is also reached by its socket", async () => {
    const clamd = await start();
    const { check } = await Effect.runPromise(makeClamd({ path: clamd.socket }));
    await Effect.runPromise(check);
    await clamd.kill();
    expect(await Effect.runPromise(Effect.flip(makeCheck(clamd.socket)))).toMatchObject({
      _tag: "ScannerUnavailable",
    });
  });
});

describe.skipIf(path === undefined)("the doctor before a real clamd", () => {
  it("is content with one that scans what policies allow", async () => {
    expect(await examine({})).toMatchObject([{ verdict: "passed" }]);
  });

  it.each([
    [{ StreamMaxLength: "1M" }, /StreamMaxLength/],
    [{ MaxFileSize: "1M" }, /clamd does not scan files of 3145728 bytes/],
    [{ AlertExceedsMax: "no" }, /AlertExceedsMax yes/],
  ])("says what is wrong with %j", async (options, seen) => {
    const [finding] = await examine(options);
    expect(finding?.verdict).toBe("failed");
    expect(`${finding?.seen} ${finding?.mend}`).toMatch(seen);
  });
});

const makeCheck = (path: string) => Effect.flatMap(makeClamd({ path }), ({ check }) => check);
