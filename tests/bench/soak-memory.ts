import { heldIn } from "./heaps.ts";
import { trendOf } from "./trend.ts";

const MEBIBYTE = 1024 ** 2;

/** Most growth of the live heap in the second half of a run, in bytes. */
const MOST_GROWTH = 2 * MEBIBYTE;

/**
 * Judges what the service held after each collection. Warming up, it comes to hold more for good,
 * but ever less so: in a second half of five minutes 1 MiB, and not more in a longer one. What is
 * kept of each request grows with the run.
 */
export function judgeMemory(file: string) {
  const held = heldIn(file);
  const live = held.map(({ live }) => live);
  const resident = Math.max(...held.map(({ resident }) => resident));
  const { growth, chance } = trendOf(live.slice(live.length >> 1));
  return {
    grows: growth > MOST_GROWTH && chance < 0.01,
    rows: [
      [
        "MiB of live heap after a tenth, half and all of the time; resident at most",
        `${[0.1, 0.5, 1].map((part) => mebibytes(live[Math.ceil(part * live.length) - 1])).join(", ")}; ${mebibytes(resident)}`,
      ],
      [
        "growth of the live heap in the second half, and its chance",
        `${mebibytes(growth)} MiB, ${chance.toFixed(2)}`,
      ],
    ],
  };
}

const mebibytes = (bytes = Number.NaN) => (bytes / MEBIBYTE).toFixed(1);
