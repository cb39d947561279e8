import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { installTools } from "../support/tools.ts";
import { HAS_PROC } from "./cpu.ts";
import { QUICK, standing } from "./goals.ts";
import { writePart } from "./pages.ts";
import { type Choice, type Comparison, markdown, measure, type Result, tableOf } from "./rounds.ts";

// Measures what requests and signatures cost, in microseconds of CPU, beside what others need. Microseconds are of this machine and this hour; speeds relative to another contender, which
// are taken within each round, are what can be compared.

const USAGE = `npm run bench -- compare [options]
  --only NAMES   sections (requests, signing), or contenders by a part
                 of their name, separated by commas
  --rounds N     rounds that count (5)
  --quick        what the goals need, in a minute; fails below half of a goal
  --write        writes the tables into the pages that have them`;

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit();
}
const { quick } = values;
const only = values.only.split(",").filter((name) => name !== "");
const rounds = Number(values.rounds ?? 5);
if (!Number.isSafeInteger(rounds) || rounds < 1) {
  console.error(`--rounds takes a number of rounds\n${USAGE}`);
  process.exit(1);
}
await installTools("bench");
const { requests } = await import("./requests.ts");
const { signing } = await import("./signing.ts");

interface Section {
  readonly milliseconds: number;
  readonly open: (choice: Choice) => Promise<Comparison>;
}
const SECTIONS: Readonly<Record<string, Section>> = {
  requests: { milliseconds: quick ? 1000 : 2000, open: requests },
  signing: { milliseconds: quick ? 200 : 400, open: signing },
};

const model = cpus()[0]?.model ?? "unknown";
console.log(`Node ${process.version}, ${availableParallelism()} × ${model}, ${rounds} rounds`);

const measured: Array<Result> = [];
for (const [section, { milliseconds, open }] of Object.entries(SECTIONS)) {
  const isNamed = only.includes(section);
  const isWanted = (name: string) =>
    quick
      ? QUICK.has(name)
      : isNamed || only.length === 0 || only.some((part) => name.includes(part));
  if (open !== signing && !HAS_PROC) {
    console.log(
      "\nCPU of requests is read from /proc, which this system does not have: use Linux.",
    );
    continue;
  }
  const comparison = await open({ isWanted, milliseconds });
  try {
    if (comparison.contenders.length === 0) continue;
    console.log(`\n${comparison.title}\n`);
    const results = await measure(comparison.contenders, rounds);
    const table = tableOf(comparison, results);
    console.log(table);
    for (const missing of comparison.missing) console.log(`Not measured: ${missing}`);
    measured.push(...results);
    if (values.write) {
      writePart("docs/performance.md", `npm run bench -- compare, ${section}`, table);
    }
  } finally {
    await comparison.close();
  }
}

const goals = standing(measured);
if (goals.length > 0) {
  const rows = goals.map(({ contender, reference, speed, goal }) => [
    contender,
    `${reference} = 1`,
    speed.toFixed(2),
    goal.toFixed(2),
  ]);
  console.log(`\nGoals\n\n${markdown([["", "where", "speed", "goal"], ...rows])}`);
}
for (const { contender, reference, speed, goal, isFarOff } of goals) {
  if (!quick || !isFarOff) continue;
  console.error(
    `\n${contender} is below half of its goal: ${speed.toFixed(2)} of ${goal} where ${reference} is 1.`,
  );
  process.exitCode = 1;
}
