import { appendFileSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { afterAll, expect } from "vitest";

// With TEST_CPU=FILE each test file adds a line to it: seconds of CPU of its worker, of processes
// that ended meanwhile, and its path. Servers that outlive a file are not in it.
const { TEST_CPU } = process.env;

if (TEST_CPU !== undefined) {
  const before = cpuSeconds();
  afterAll(() => {
    const after = cpuSeconds();
    const file = relative(process.cwd(), expect.getState().testPath ?? "");
    const [own, children] = [after.own - before.own, after.children - before.children];
    appendFileSync(TEST_CPU, `${own.toFixed(2)}\t${children.toFixed(2)}\t${file}\n`);
  });
}

function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  // Linux alone says what children took: fields 16 and 17, counted after the name's parenthesis.
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return { own: (user + system) / 1e6, children: (Number(fields[13]) + Number(fields[14])) / 100 };
}
