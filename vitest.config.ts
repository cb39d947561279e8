import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** The suites by what they need, in the order in which they run: first results come at once. */
const SUITES: ReadonlyArray<ReadonlyArray<Suite>> = [
  // Rules alone: nothing is started, and files share what they have loaded.
  [{ name: "unit", isolate: false }],
  // The service: as a part of another application, without a socket, and as a process.
  [
    { name: "embed", isolate: false },
    { name: "http", isolate: false },
    { name: "service" },
    { name: "attacks", exclude: ["tests/attacks/slow-*.test.ts"] },
  ],
  // Stores, browsers, packages and other runtimes, which may have to be built or installed first.
  [
    {
      name: "contract",
      // It is about users of a server of one's own, which deploy/policies/README.md has.
      exclude: process.env["TEST_S3_USERS_SECRET"] ? [] : ["tests/contract/bucket-policy.test.ts"],
    },
    { name: "browser" },
    { name: "docs" },
    { name: "hosts" },
    ...(["bundles", "release", "runtimes"] as const).map((name) => ({
      name,
      // Its own packages.
      provide: { tools: name },
      setupFiles: ["tests/support/install.ts"],
    })),
  ],
  // Clients that are slow, but not too slow: beside others on a busy machine they might be.
  [{ name: "slow", include: ["tests/attacks/slow-*.test.ts"], maxWorkers: 1 }],
];

interface Suite {
  readonly name: string;
  readonly include?: Array<string>;
  readonly exclude?: Array<string>;
  readonly isolate?: boolean;
  readonly maxWorkers?: number;
  readonly provide?: { readonly tools: "bundles" | "release" | "runtimes" };
  readonly setupFiles?: Array<string>;
}

export default defineConfig({
  test: {
    globalSetup: ["tests/support/setup.ts"],
    // Most tests wait for servers and processes; a core more than there is keeps all busy.
    maxWorkers: availableParallelism() + 1,
    projects: SUITES.flatMap((suites, groupOrder) =>
      suites.map((suite) => ({
        test: {
          include: [`tests/${suite.name}/**/*.test.ts`],
          ...suite,
          sequence: { groupOrder },
          // How long a test takes is no promise: these end one that hangs.
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      })),
    ),
  },
});
