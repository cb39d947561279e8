import { join } from "node:path";
import { isFullRun } from "./full-run.ts";

// Loaded before a program of the repository in which it is started: lowers the rounds of races and such, as a
// test does that is about what surrounds them. `--full` has all of them.

const { most } = await import(join(process.cwd(), "adapters/contract/subject/races.ts"));
if (!isFullRun) Object.assign(most, { rounds: 1, bytes: 1_000_000 });
