import { defineConfig } from "vitest/config";
import { isFullRun } from "../support/full-run.ts";

/** What asks a runtime for little that the others do not, and takes a third of the time. */
const FOR_RELEASES = [
  // Beside the libraries of Amazon and Google, which sign as v4.test.ts says on each runtime.
  "tests/unit/same-as-*.test.ts",
  "tests/http/directory.test.ts",
  "tests/http/idempotency.test.ts",
  "tests/http/list-policies.test.ts",
];

// The tests of what a runtime has a part in: its encodings, regular expressions and numbers in the
// rules, its URL and its cryptography in signatures and tokens, and its Request, Response and
// streams in the HTTP application. `same-suite.test.ts` runs them.
export default defineConfig({
  root: new URL("../..", import.meta.url).pathname,
  test: {
    include: ["tests/unit/*.test.ts", "tests/http/*.test.ts"],
    exclude: [
      // Thousands of cases of counting and of a clock that the test sets, which takes all runtimes
      // together a minute.
      "tests/unit/held.test.ts",
      "tests/unit/never-outlives.test.ts",
      "tests/unit/token-bucket.test.ts",
      // Blocks on a pipe that nobody reads, and with it the thread in which Bun runs the test.
      "tests/unit/audit.test.ts",
      // A linter reads the document, which is the same everywhere.
      "tests/unit/openapi.test.ts",
      // A rule of the linter, whose tests run on Node and Deno only.
      "tests/unit/lint.test.ts",
      // Waits for Google's own library to give up, for 20 seconds.
      "tests/http/keyless.test.ts",
      ...(isFullRun ? [] : FOR_RELEASES),
    ],
    setupFiles: ["tests/runtimes/expect-runtime.ts"],
    // A quarter of the time would go into loading the same modules again for each file.
    isolate: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
