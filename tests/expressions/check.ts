import { parseSync } from "@swc/core";
import { globSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { pathToFileURL } from "node:url";
import { check } from "recheck";

// Regular expressions must be linear in what they are given: the engine backtracks, and one request
// could stop the process. The contract and the examples see nothing from outside. Literals are read out of the syntax trees. Those that are
// built are recorded while their module is imported, so they have to be built at module level.

interface Expression {
  readonly source: string;
  readonly flags: string;
  readonly file: string;
}

const files = globSync("{domain,application,adapters,deploy}/**/*.{ts,js}", {
  exclude: ["adapters/contract/**", "deploy/examples/**"],
});
const expressions: Array<Expression> = [];
const problems: Array<string> = [];

const builtIn = new Map<string, number>();
for (const file of files) {
  let built = 0;
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    if ("type" in node) {
      if (node.type === "RegExpLiteral" && "pattern" in node && "flags" in node) {
        expressions.push({ source: String(node.pattern), flags: String(node.flags), file });
      } else if ("callee" in node && isRegExp(node.callee)) built++;
    }
    for (const child of Object.values(node)) visit(child);
  };
  visit(parseSync(readFileSync(file, "utf8"), { syntax: "typescript" }));
  if (built > 0) builtIn.set(file, built);
}

const recorded: Array<Expression> = [];
const RegExp = globalThis.RegExp;
globalThis.RegExp = new Proxy(RegExp, {
  construct: (target, [source, flags = ""]: [string, string?]) => {
    const stack = new Error("built").stack?.split("\n") ?? [];
    const caller = stack.find((line) => line.includes("file:") && !line.includes(import.meta.url));
    const file = files.find((file) => caller?.includes(pathToFileURL(file).href)) ?? "";
    recorded.push({ source, flags, file });
    return new target(source, flags);
  },
});
for (const file of builtIn.keys()) await import(pathToFileURL(file).href);
globalThis.RegExp = RegExp;
for (const [file, count] of builtIn) {
  const own = recorded.filter((expression) => expression.file === file);
  expressions.push(...own);
  if (own.length !== count) {
    problems.push(`${file}: ${count} expressions are built, ${own.length} of them at module level`);
  }
}

// By the characters that an attack makes it read, and not by time, which depends on the machine.
const LIMITS = { timeout: null, attackTimeout: null, incubationTimeout: null };
const waiting = expressions.values();
const worker = async () => {
  for (const { source, flags, file } of waiting) {
    const found = await check(source, flags, LIMITS);
    if (found.status === "safe") continue;
    const what = found.status === "vulnerable" ? found.complexity.summary : "too much to tell";
    problems.push(`${file}: /${source}/${flags} is ${what}`);
  }
};
await Promise.all(Array.from({ length: availableParallelism() }, worker));

for (const problem of problems) console.error(problem);
if (expressions.length === 0) console.error("no regular expression was seen");
console.log(`${expressions.length} regular expressions, ${problems.length} problems`);
process.exit(problems.length > 0 || expressions.length === 0 ? 1 : 0);

function isRegExp(callee: unknown): boolean {
  const { type, value } = callee as { readonly type?: string; readonly value?: string };
  return type === "Identifier" && value === "RegExp";
}
