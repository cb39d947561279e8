import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commandPath } from "../support/command-path.ts";
import { CHILD_ENV } from "../support/child-env.ts";
import { isFullRun } from "../support/full-run.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";

// The tests of `same-suite.config.ts`, the very same files, on each runtime that is supported; on
// the Node of the tests the main run has them.

interface Runtime {
  readonly name: string;
  /** What runs Vitest; the name of a development dependency, or a path. */
  readonly command: readonly [string, ...Array<string>] | undefined;
  /** How Vitest runs files there: the way that works. */
  readonly pool: "forks" | "threads";
  /** Tests that do not hold there, each with the reason. */
  readonly exceptions: ReadonlyArray<string>;
}

const older = (node: string | undefined): Runtime["command"] =>
  node === undefined ? undefined : [node];

const RUNTIMES: ReadonlyArray<Runtime> = [
  { name: "node 22", command: older(await need("node22")), pool: "forks", exceptions: [] },
  // What works on the lines before and after it works on this one too, but for a rare surprise.
  ...(isFullRun
    ? [
        {
          name: "node 24",
          command: older(await need("node24")),
          pool: "forks",
          exceptions: [],
        } as const,
      ]
    : []),
  {
    name: "deno 2",
    // The permissions are those of Vitest; what the service needs is in deno-permissions.test.ts.
    command: ["deno", "run", "--allow-all"],
    pool: "forks",
    exceptions: [
      // Where Deno copies headers it drops values that are empty, and so the repetition. Over a
      // socket nothing is copied, and the same request is refused there on Deno too.
      "a request of a trusted proxy with an empty user first is refused",
    ],
  },
  { name: "bun 1", command: ["bun", "--bun"], pool: "threads", exceptions: [] },
];

const folder = makeFolder();

const ROOT = new URL("../..", import.meta.url).pathname;
const MINUTE = 60_000;

/** What ran, by runtime. */
const names = new Map<string, ReadonlyArray<string>>();

describe("the same tests", () => {
  it.concurrent.for(RUNTIMES)(
    "the rules, the signer and HTTP keep their promises on $name",
    { timeout: 30 * MINUTE },
    async (runtime, { expect, skip }) => {
      skip(runtime.command === undefined, `there is no ${runtime.name}`);
      const { code, passed, failed, output } = await run(runtime);
      expect(failed, output).toEqual(runtime.exceptions);
      // It is 1 as well where a file cannot be loaded, or something fails outside of any test.
      expect(code, output).toBe(runtime.exceptions.length > 0 ? 1 : 0);
      expect(passed.length, output).toBeGreaterThan(0);
      console.log(`${runtime.name}: ${passed.length} passed, ${failed.length} excepted`);
      names.set(runtime.name, [...passed, ...failed].toSorted());
    },
  );

  it("the same tests run on each runtime", () => {
    const present = RUNTIMES.filter(({ command }) => command !== undefined);
    expect([...names.keys()].toSorted()).toEqual(present.map(({ name }) => name).toSorted());
    for (const [name, those] of names) expect(those, name).toEqual(names.get("bun 1"));
  });
});

async function run({ name, command: [runtime = "", ...args] = [""], pool }: Runtime) {
  const report = join(folder, `${name}.json`);
  const { TEST_FULL = "" } = process.env;
  const child = spawn(
    commandPath(runtime),
    [
      ...args,
      join(ROOT, "node_modules/vitest/vitest.mjs"),
      "run",
      "--config=tests/runtimes/same-suite.config.ts",
      `--pool=${pool}`,
      "--reporter=dot",
      "--reporter=json",
      `--outputFile.json=${report}`,
    ],
    {
      cwd: ROOT,
      env: { ...CHILD_ENV, TEST_RUNTIME: name, TEST_FULL },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  }
  await once(child, "close");
  const { testResults } = JSON.parse(readFileSync(report, "utf8")) as Report;
  const results = testResults.flatMap(({ assertionResults }) => assertionResults);
  const of = (passes: boolean) =>
    results
      .filter(({ status }) => (status === "passed") === passes)
      .map(({ fullName }) => fullName);
  return { code: child.exitCode, passed: of(true), failed: of(false), output };
}

interface Report {
  readonly testResults: ReadonlyArray<{
    readonly assertionResults: ReadonlyArray<{
      readonly fullName: string;
      readonly status: string;
    }>;
  }>;
}
