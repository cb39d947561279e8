import { readFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Outcome } from "../../fuzz/engine.ts";
import { fromText, toText } from "../../fuzz/text.ts";
import { makeFolder } from "../../support/make-folder.ts";

const ENGINE = new URL("../../fuzz/engine.ts", import.meta.url).pathname;
const PLANTED = new URL("../../fuzz/planted.ts", import.meta.url).pathname;

/** Runs the engine in a process of its own, since Vitest changes the sources that it loads. */
function fuzzPlanted(parser: "parsePlanted" | "countPlanted", { isGuided = true } = {}): Outcome {
  const corpus = makeFolder();
  const script = `
    import { fuzz } from ${JSON.stringify(ENGINE)};
    import { ${parser} } from ${JSON.stringify(PLANTED)};
    const target = {
      name: "planted", words: ["["], work: [2000, 200],
      run: (input) => { ${parser}(input.toString("latin1")); },
    };
    const outcome = await fuzz(target, {
      seed: 1, isTime: (executions) => executions < ${isGuided ? 300_000 : 60_000}, isGuided: ${isGuided},
      corpus: ${JSON.stringify(corpus)},
    });
    console.log(JSON.stringify(outcome));
  `;
  const told = execFileSync("node", ["--input-type=module", "--eval", script], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  const outcome: Outcome = JSON.parse(told);
  if (outcome.found === undefined) return outcome;
  return {
    ...outcome,
    found: { ...outcome.found, file: readFileSync(outcome.found.file, "utf8") },
  };
}

it("the fuzzer finds a fault behind six conditions, and makes its input as short as it can be", () => {
  const { found } = fuzzPlanted("parsePlanted");
  expect(found?.fault).toContain("the planted fault");
  expect(found?.file).toBe("valet!");
});

it("a fuzzer without what V8 counts does not find that fault in as many tries", () => {
  expect(fuzzPlanted("parsePlanted", { isGuided: false }).found).toBeUndefined();
});

it("the fuzzer finds a text for which a parser does far more than its length asks for", () => {
  const { found } = fuzzPlanted("countPlanted");
  expect(found?.fault).toMatch(/^\d+ blocks ran for \d+ bytes$/);
});

it("an input in the corpus is the bytes that it was written of", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(fromText(toText(bytes))).toEqual(Buffer.from(bytes));
    }),
  );
});
