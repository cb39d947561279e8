import { defineConfig } from "vitest/config";
import { isFullRun } from "../support/full-run.ts";

/** Where runtimes differ: in bytes, encodings, regular expressions, cryptography, streams, sockets. */
const DIFFERING = [
  "tests/unit/{tokens,values}/*.test.ts",
  "tests/unit/content/{clamd,content}.test.ts",
  "tests/unit/domain/{byte-size,disposition,file-name,media-type,receipt,storage-key}.test.ts",
  "tests/unit/events/send.test.ts",
  "tests/unit/http/{client-address,connections,problem,request-body}.test.ts",
  "tests/unit/identity/{claims,token-file}.test.ts",
  "tests/unit/settings/{json-file,settings}.test.ts",
  "tests/unit/storage/{endpoints,read-object,signed-fetch,store-answers,unread-object,v4}.test.ts",
  "tests/unit/telemetry/log.test.ts",
  // Request, Response, headers and bodies, and all of an upload in parts on files.
  "tests/http/{forward,jwt,mcp,metadata,multipart-local,open,origins,presign}.test.ts",
  "tests/http/{problem-page,service}.test.ts",
];

// The tests of what a runtime has a part in, or, for a release, of all that can run on each.
// `same-suite.test.ts` runs them.
export default defineConfig({
  root: new URL("../..", import.meta.url).pathname,
  test: {
    include: isFullRun ? ["tests/unit/**/*.test.ts", "tests/http/*.test.ts"] : DIFFERING,
    exclude: [
      // Thousands of cases of counting and of a clock that the test sets, which takes all runtimes
      // together a minute.
      "tests/unit/storage/held.test.ts",
      "tests/unit/storage/never-outlives.test.ts",
      "tests/unit/domain/token-bucket.test.ts",
      // A linter reads the document, which is the same everywhere.
      "tests/unit/http/openapi.test.ts",
      // A rule of the linter, whose tests run on Node and Deno only.
      "tests/unit/support/lint.test.ts",
      // Waits for Google's own library to give up, for 20 seconds.
      "tests/http/keyless.test.ts",
    ],
    setupFiles: ["tests/runtimes/expect-runtime.ts"],
    // A quarter of the time would go into loading the same modules again for each file.
    isolate: false,
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
});
