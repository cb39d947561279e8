/**
 * Which tests a run has: those of `npm test`, of `npm run test:stores` or of `npm run test:all`
 * (the modes of `vitest run`), or those that the command names.
 */
export const RUN = runOf(process.argv.slice(2));

/** The command that has passed just before, whose files `npm run test:all` does not repeat. */
export const hasTestPassed = process.env["TEST_AFTER"] === "npm test";

function runOf(args: ReadonlyArray<string>): "test" | "stores" | "all" | "named" {
  if (args.some((argument) => /^--project|\.test\.tsx?$|^tests\//.test(argument))) return "named";
  const mode = args[args.lastIndexOf("--mode") + 1];
  if (!args.includes("--mode")) return "test";
  if (mode === "stores" || mode === "all") return mode;
  throw new Error(`no tests are called ${mode}: --mode is "stores" or "all"`);
}
