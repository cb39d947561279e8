import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

// Whether tests see mistakes: makes one at a time in the source, and runs the tests that import it.
// What they do not see is printed. docs/internals/testing.md has why, and the scores.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** How many mistakes. */
    count: { type: "string", default: "20" },
    /** Another seed makes others. */
    seed: { type: "string", default: "1" },
    /** The projects of tests; those in one process by default, which take seconds. */
    project: {
      type: "string",
      multiple: true,
      default: ["unit", "embed", "client", "http", "cli"],
    },
    /** Test files to run instead, since what starts a process does not import what it runs. */
    test: { type: "string", multiple: true, default: [] },
    /** What a change is compared with. */
    since: { type: "string", default: "main" },
  },
});

/** Mistakes: what is found becomes what stands beside it. */
const OPERATORS: ReadonlyArray<readonly [RegExp, string]> = [
  [/ && /g, " || "],
  [/ \|\| /g, " && "],
  [/ === /g, " !== "],
  [/ !== /g, " === "],
  [/ < /g, " <= "],
  [/ <= /g, " < "],
  [/ > /g, " >= "],
  [/ >= /g, " > "],
  [/ \+ /g, " - "],
  [/ - /g, " + "],
  [/ \* /g, " / "],
  [/\btrue\b/g, "false"],
  [/\bfalse\b/g, "true"],
  [/!(?=[\w(])/g, ""],
  [/\.every\(/g, ".some("],
  [/\.some\(/g, ".every("],
  [/\/\^/g, "/"],
  [/\$\/(?=[a-z]{0,2}[.,;)])/g, "/"],
  [/(?<=[ (])\d[\d_]*(?=[,;)])/g, "($& + 1)"],
  // A guard, a call and an entry of a list or of headers that are left out.
  [/^ +if \(.*\) return\b.*;\n/gm, ""],
  [/^ +(?:await |void |yield\* )?[\w.]+\(.*\);\n/gm, ""],
  [/^ +"?[\w-]+"?(?:\]?: "[^"\n]*")?,\n/gm, ""],
];

interface Mutant {
  readonly file: string;
  readonly line: number;
  readonly before: string;
  readonly after: string;
  readonly source: string;
  readonly mutated: string;
}

const SOURCES = "{domain,application,adapters}/**/*.ts";

/** What a change touches, unless files or patterns are named. */
function filesToMutate(): ReadonlyArray<string> {
  if (positionals.length > 0) return globSync(positionals);
  const touched = run("git", ["diff", "--name-only", "--diff-filter=d", values.since]).stdout;
  const sources = new Set(globSync(SOURCES));
  return touched.split("\n").filter((file) => sources.has(file));
}

function mutantsOf(file: string): ReadonlyArray<Mutant> {
  const source = readFileSync(file, "utf8");
  return OPERATORS.flatMap(([found, made]) =>
    [...source.matchAll(found)].flatMap((match): ReadonlyArray<Mutant> => {
      const line = source.slice(0, match.index).split("\n").length;
      const before = source.split("\n")[line - 1] ?? "";
      // A comment, an import, a type or the text of a message is no rule.
      if (/^\s*(?:\/\/|\*|\/\*|import |export \*|type |readonly )/.test(before)) return [];
      const end = match.index + match[0].length;
      const mutated = `${source.slice(0, match.index)}${made.replace("$&", match[0])}${source.slice(end)}`;
      const after = made === "" && match[0].endsWith("\n") ? "" : mutated.split("\n")[line - 1];
      return [{ file, line, before: before.trim(), after: (after ?? "").trim(), source, mutated }];
    }),
  );
}

const run = (command: string, args: ReadonlyArray<string>) =>
  spawnSync(command, args, { encoding: "utf8" });

/** Those that compile: each is a copy beside its file for a while, so that one run checks them all. */
function compiling(mutants: ReadonlyArray<Mutant>): ReadonlyArray<Mutant> {
  const copies = new Map(
    mutants.map((mutant, n) => [mutant.file.replace(/\.ts$/, `.mutant-${n}.ts`), mutant]),
  );
  try {
    for (const [copy, { mutated }] of copies) writeFileSync(copy, mutated);
    // Errors of syntax hide those of types, so it is checked until there are none.
    for (;;) {
      const { status, stdout } = run("tsc", ["-p", "tsconfig.json", "--pretty", "false"]);
      if (status === 0) return [...copies.values()];
      const wrong = new Set([...stdout.matchAll(/^([^\s(]+)\(\d/gm)].map(([, file = ""]) => file));
      if (![...copies.keys()].some((copy) => wrong.has(copy))) throw new Error(stdout);
      for (const copy of wrong) if (copies.delete(copy)) rmSync(copy);
    }
  } finally {
    for (const copy of copies.keys()) rmSync(copy, { force: true });
  }
}

function isSeen({ file, source, mutated }: Mutant): boolean {
  writeFileSync(file, mutated);
  try {
    const projects = values.project.flatMap((name) => ["--project", name]);
    const tests =
      values.test.length > 0 ? ["run", ...values.test] : ["related", file, "--run", ...projects];
    // One worker loads each module once, which takes less than the files take one after another.
    return run("vitest", [...tests, "--bail=1", "--maxWorkers=1"]).status !== 0;
  } finally {
    writeFileSync(file, source);
  }
}

// The order is the same on every machine, and a new file changes little of it.
const rank = ({ file, before, after }: Mutant) =>
  createHash("sha256").update(`${values.seed} ${file} ${before} ${after}`).digest("hex");
const ranked = filesToMutate()
  .flatMap(mutantsOf)
  .map((mutant) => ({ mutant, rank: rank(mutant) }))
  .toSorted((a, b) => (a.rank < b.rank ? -1 : 1))
  .map(({ mutant }) => mutant);
// A third does not compile.
const count = Number(values.count);
const mutants = compiling(ranked.slice(0, 2 * count + 10)).slice(0, count);

const scores = new Map<string, { seen: number; all: number }>();
// The file is put back first.
let isStopped = false;
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => (isStopped = true));
for (const mutant of mutants) {
  await new Promise(setImmediate);
  if (isStopped) break;
  const seen = isSeen(mutant);
  const folder = mutant.file.split("/").slice(0, mutant.file.startsWith("adapters/") ? 2 : 1);
  const score = scores.get(folder.join("/")) ?? { seen: 0, all: 0 };
  scores.set(folder.join("/"), { seen: score.seen + Number(seen), all: score.all + 1 });
  const place = `${mutant.file}:${mutant.line}`;
  console.log(`${seen ? "seen" : "NOT SEEN"}  ${place}\n  - ${mutant.before}\n  + ${mutant.after}`);
}
for (const [folder, { seen, all }] of [...scores].toSorted()) {
  console.log(`${folder}: ${seen} of ${all}`);
}
