import { readdirSync } from "node:fs";
import { join } from "node:path";
import { heldIn } from "./heaps.ts";
import { trendOf } from "./trend.ts";

const MEBIBYTE = 1024 ** 2;

/** Most growth of the live heap of all processes in the second half of a run, in bytes. */
const MOST_GROWTH = 2 * MEBIBYTE;

/**
 * Judges what the processes of the service held after each collection. Warming up, they come to hold
 * more for good, but ever less so: in a second half of five minutes 1 MiB, and not more in a longer
 * one. What is kept of each request grows with the run.
 */
export function judgeMemory(folder: string) {
  const processes = readdirSync(folder)
    .sort()
    .map((name) => {
      const held = heldIn(join(folder, name));
      return {
        name,
        live: held.map(({ live }) => live),
        resident: Math.max(...held.map(({ resident }) => resident)),
      };
    });
  const collections = Math.min(...processes.map(({ live }) => live.length));
  const together = Array.from({ length: collections }, (_, i) =>
    processes.reduce((sum, { live }) => sum + (live.at(i - collections) ?? 0), 0),
  );
  const { growth, chance } = trendOf(together.slice(collections >> 1));
  return {
    names: processes.map(({ name }) => name),
    grows: growth > MOST_GROWTH && chance < 0.01,
    rows: [
      ...processes.map(({ name, live, resident }) => [
        `${name}: MiB of live heap after a tenth, half and all of the time; resident at most`,
        `${[0.1, 0.5, 1].map((part) => mebibytes(live[Math.ceil(part * live.length) - 1])).join(", ")}; ${mebibytes(resident)}`,
      ]),
      [
        "growth of the live heap of all in the second half, and its chance",
        `${mebibytes(growth)} MiB, ${chance.toFixed(2)}`,
      ],
    ],
  };
}

const mebibytes = (bytes = Number.NaN) => (bytes / MEBIBYTE).toFixed(1);
