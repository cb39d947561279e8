import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { fuzz } from "./engine.ts";
import { bodies } from "./targets/bodies.ts";
import { tokensTarget } from "./targets/tokens.ts";
import { v4 } from "./targets/v4.ts";
import { fromText } from "./text.ts";

const TARGETS = [bodies, tokensTarget, v4];

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "30" },
    target: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    replay: { type: "string" },
    keep: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const chosen = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
if (values.help || chosen.length === 0) {
  console.log(`npm run fuzz -- [--seconds N] [--target NAME] [--seed N] [--keep]
npm run fuzz -- --target NAME --replay FILE

--seconds  for all targets together; 30 if left out
--target   ${TARGETS.map(({ name }) => name).join(", ")}; each in turn if left out
--seed     the one of a run that is to be repeated
--keep     writes the fewest inputs that reach as much into tests/fuzz/corpus/
--replay   runs one input, and nothing else`);
  process.exitCode = values.help ? 0 : 64;
}

const corpus = new URL("corpus", import.meta.url).pathname;
const seed = Number(values.seed);
if (!values.help) {
  for (const target of chosen) {
    if (values.replay !== undefined) {
      await target.run(fromText(readFileSync(values.replay, "utf8")));
      console.log(`${target.name}: ${values.replay} breaks no promise`);
      continue;
    }
    const end = performance.now() + (Number(values.seconds) / chosen.length) * 1000;
    const { executions, inputs, reached, workPerByte, found } = await fuzz(target, {
      seed,
      isTime: () => performance.now() < end,
      corpus,
      keep: values.keep,
    });
    console.log(
      `${target.name}: ${executions} inputs, ${inputs} of them reached something new, ${reached} blocks, at most ${workPerByte} for a byte; --seed ${seed}`,
    );
    if (found === undefined) continue;
    console.error(`${found.fault}\nnpm run fuzz -- --target ${target.name} --replay ${found.file}`);
    process.exitCode = 1;
  }
}
for (const { stop } of TARGETS) await stop?.();
