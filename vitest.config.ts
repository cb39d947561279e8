import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { isFullRun } from "./tests/support/full-run.ts";

/** The suites by what they need, in the order in which they run: first results come at once. */
const SUITES: ReadonlyArray<ReadonlyArray<Suite>> = [
  // Rules alone: nothing is started.
  [{ name: "unit" }],
  // All others, of which some need what has to be built or installed first.
  [
    // The service: as a part of another application, without a socket, and as a process.
    { name: "embed" },
    { name: "client" },
    { name: "http" },
    { name: "cli" },
    { name: "events" },
    { name: "service", isolate: true },
    { name: "faults", isolate: true },
    { name: "attacks", exclude: ["tests/attacks/slow-*.test.ts"] },
    {
      name: "contract",
      // It is about users of a server of one's own, which adapters/cli/policies/README.md has.
      exclude: process.env["TEST_S3_USERS_SECRET"] ? [] : ["tests/contract/bucket-policy.test.ts"],
    },
    { name: "browser", isolate: true },
    { name: "docs" },
    { name: "deploy" },
    { name: "hosts", isolate: true },
    ...(["bundles", "pages", "release", "runtimes"] as const).map((name) => ({
      name,
      isolate: true,
      // Its own packages.
      provide: { tools: name },
      setupFiles: ["tests/support/install.ts"],
    })),
  ],
  // Clients that are slow, but not too slow: beside others on a busy machine they might be.
  [{ name: "slow", include: ["tests/attacks/slow-*.test.ts"], isolate: true, maxWorkers: 2 }],
];

/**
 * What only a release has to prove: these install and build with what others publish. They run with
 * `TEST_FULL=on`, and where the command names them.
 */
const FULL = [
  "tests/hosts/nextjs.test.ts",
  "tests/hosts/react-router.test.ts",
  "tests/hosts/sveltekit.test.ts",
  "tests/release/package-managers.test.ts",
].filter((file) => !isFullRun && !process.argv.some((argument) => argument.includes(file)));

/** They take longest, so they begin first: none of them is left to one worker in the end. */
const LONG =
  /\/(?:deploy\/compose-up|hosts\/[\w-]+|pages\/uppy|browser\/client|runtimes\/same-suite|attacks\/fuzzed|cli\/doctor|contract\/(?:contract|certify)|embed\/contract|service\/(?:doctor-\w+|leftovers|cold))\.test\.ts$/;

class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

const rank = ({ project, moduleId }: TestSpecification) =>
  2 * project.config.sequence.groupOrder + (LONG.test(moduleId) ? 0 : 1);

interface Suite {
  readonly name: string;
  readonly include?: Array<string>;
  readonly exclude?: Array<string>;
  readonly isolate?: boolean;
  readonly maxWorkers?: number;
  readonly provide?: { readonly tools: "bundles" | "pages" | "release" | "runtimes" };
  readonly setupFiles?: Array<string>;
}

export default defineConfig({
  test: {
    globalSetup: ["tests/support/setup.ts"],
    reporters: ["./tests/support/reporter.ts"],
    // Most tests wait for servers and processes: a worker uses half a core.
    maxWorkers: availableParallelism() + 3,
    sequence: { sequencer: LongestFirst },
    projects: SUITES.flatMap((suites, groupOrder) =>
      suites.map((suite) => ({
        test: {
          include: [`tests/${suite.name}/**/*.test.ts`],
          // Files share what they have loaded.
          isolate: false,
          ...suite,
          exclude: ["**/node_modules/**", ...(suite.exclude ?? []), ...FULL],
          sequence: { groupOrder },
          // How long a test takes is no promise: these end one that hangs.
          testTimeout: 180_000,
          hookTimeout: 300_000,
          expect: { poll: { timeout: 120_000 } },
        },
      })),
    ),
  },
});
