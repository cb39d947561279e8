import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** The suites by what they need, in the order in which they run: first results come at once. */
const SUITES = [
  // Rules alone: nothing is started, and files share what they have loaded.
  [{ name: "unit", isolate: false }],
  // The service, mostly without any server beside it.
  [{ name: "embed", isolate: false }, { name: "http" }, { name: "attacks" }],
  // Stores, browsers, packages and other runtimes, which may have to be built or installed first.
  [
    { name: "contract" },
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
] as const;

export default defineConfig({
  test: {
    globalSetup: ["tests/support/setup.ts"],
    // Most tests wait for servers and processes; a core more than there is keeps all busy.
    maxWorkers: availableParallelism() + 1,
    projects: SUITES.flatMap((suites, groupOrder) =>
      suites.map((suite) => ({
        test: {
          ...suite,
          include: [`tests/${suite.name}/**/*.test.ts`],
          sequence: { groupOrder },
          // How long a test takes is no promise: these end one that hangs.
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      })),
    ),
  },
});
