import { defineConfig } from "vitest/config";

// The tests that hold on each runtime alike: the rules, the signer, and the HTTP application with
// requests that need no socket. `same-suite.test.ts` runs them.
export default defineConfig({
  root: new URL("../..", import.meta.url).pathname,
  test: {
    include: ["tests/unit/*.test.ts", "tests/http/*.test.ts"],
    exclude: [
      // The service as a process of Node, and its command line; `entry-points.test.ts` starts it
      // on each runtime.
      "tests/http/audit.test.ts",
      "tests/http/configuration.test.ts",
      "tests/http/embedded-store-failures.test.ts",
      "tests/http/late-store.test.ts",
      "tests/http/lifecycle.test.ts",
      "tests/http/limits-one-redis.test.ts",
      "tests/http/limits-redis-cluster.test.ts",
      "tests/http/log-reader-gone.test.ts",
      "tests/http/static-tokens.test.ts",
      "tests/http/switch-store.test.ts",
      // Waits for Google's own library to give up, for 20 seconds.
      "tests/http/keyless.test.ts",
    ],
    setupFiles: ["tests/runtimes/expect-runtime.ts"],
    // A quarter of the time would go into loading the same modules again for each file.
    isolate: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
