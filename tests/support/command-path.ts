import { join, resolve } from "node:path";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Where the commands are of what is installed here: for the path of those that tests start. */
export const COMMANDS = [
  join(ROOT, "node_modules/.bin"),
  join(ROOT, "tests/runtimes/node_modules/.bin"),
] as const;

/** The path of what runs tests here by its name: `node`, `deno`, `bun`; a path stays as it is. */
export const commandPath = (command: string): string =>
  command === "node" ? process.execPath : resolve(COMMANDS[1], command);
