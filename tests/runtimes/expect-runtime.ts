import fc from "fast-check";

// Fails each file of tests that does not run where `TEST_RUNTIME` says: a runtime that has tests
// run in processes of their own could start another for them.

const { deno, bun, node } = process.versions;
const runtime =
  deno === undefined ? (bun === undefined ? `node ${node}` : `bun ${bun}`) : `deno ${deno}`;
const expected = process.env["TEST_RUNTIME"] ?? "a runtime that TEST_RUNTIME names";
if (!runtime.startsWith(`${expected}.`)) {
  throw new Error(`These tests are for ${expected}, and this is ${runtime}`);
}

// The main run tries the many inputs: a runtime differs in what few of them show.
fc.configureGlobal({ numRuns: 20 });
