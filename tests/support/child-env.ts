import { tmpdir } from "node:os";

const { PATH = "", HOME = "", TEST_RUN_ID = "" } = process.env;

/**
 * The environment of the processes that tests start: none of the variables of who runs them. Node
 * keeps what it has compiled, which is half of what each of some hundred starts costs. By its mark a
 * process is found when the run has ended (end-leftovers.ts).
 */
export const CHILD_ENV = {
  PATH,
  HOME,
  TEST_RUN_ID,
  TMPDIR: tmpdir(),
  NODE_COMPILE_CACHE: new URL("../../node_modules/.cache/compiled", import.meta.url).pathname,
} as const;
