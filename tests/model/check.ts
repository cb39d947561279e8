import { execFile } from "node:child_process";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeFolder } from "../support/make-folder.ts";

const run = promisify(execFile);

export const MODEL = join(import.meta.dirname, "upload.pml");

/** The outcome of a check: nothing is broken if SPIN has tried every order of the steps. */
export interface Checked {
  readonly states: number;
  /** The first promise that does not hold. */
  readonly broken?: string | undefined;
  /** The shortest way there, a step a line. */
  readonly trace: string;
}

/** Checks the model with these switches. */
export async function check(
  { spin, gcc }: Readonly<Record<"spin" | "gcc", string>>,
  switches: ReadonlyArray<string>,
): Promise<Checked> {
  const cwd = makeFolder();
  await copyFile(MODEL, join(cwd, "upload.pml"));
  const defines = switches.map((name) => `-D${name}`);
  await run(spin, [...defines, "-a", "upload.pml"], { cwd });
  // By breadth, so that the first fault found has the shortest trace.
  await run(gcc, ["-O1", "-w", "-DBFS", "-DSAFETY", "-DNOFAIR", "-o", "pan", "pan.c"], { cwd });
  const { stdout } = await run(join(cwd, "pan"), ["-m100000"], { cwd, maxBuffer: 2 ** 26 });
  const states = Number(/(\d+) states, stored/.exec(stdout)?.[1]);
  const [, errors] = /errors: (\d+)/.exec(stdout) ?? [];
  if (errors === "0" && !/truncated|out of memory|not reached the end/.test(stdout)) {
    return { states, trace: "" };
  }
  // It ends with another status, since a trail ends in a fault.
  const replay = await run(join(cwd, "pan"), ["-r", "-S"], { cwd }).catch(
    (failure: { readonly stdout: string }) => failure,
  );
  const other = switches.includes("SCANS") ? "infected" : "other bytes";
  const words = ["nothing", "clean", other, "wrong"];
  const told = replay.stdout.replaceAll(/<(\d)>/g, (_, at: string) => words[Number(at)] ?? at);
  const broken = /BROKEN: (.*?)(?:pan:|\n|$)/.exec(told)?.[1];
  const trace = told.split("\n").filter((line) => line.startsWith("- "));
  return { states, broken: broken ?? stdout, trace: trace.join("\n") };
}
