import { tryClient } from "./scenarios.ts";

// The client of JavaScript on Node, by the rows that are tried of each.

const PROGRAM = new URL("javascript/program.ts", import.meta.url).pathname;

tryClient("JavaScript", true, async () => [process.execPath, PROGRAM], { hasOthers: false });
