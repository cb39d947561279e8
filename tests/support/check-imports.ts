import { execFileSync } from "node:child_process";
import { dirname } from "node:path";

// The import rules of .dependency-cruiser.json, and what none of them can say: no folder leads back
// to itself through others, and rooms, their arrows and the files of a folder stay few. A parser that
// does not understand the source sees no modules, and then finds no fault with any: so what it saw
// is counted.

const LAYERS = ["domain", "application", "adapters", "deploy"];
const MOST: Readonly<Record<string, number>> = { rooms: 21, arrows: 92, files: 20 };

interface Module {
  readonly source: string;
  readonly dependencies: ReadonlyArray<{ readonly resolved: string }>;
}
type Imports = ReadonlyMap<string, ReadonlySet<string>>;

const report = JSON.parse(
  execFileSync("depcruise", ["--output-type", "json", ...LAYERS], {
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
  }),
);
const { violations, totalCruised } = report.summary;
const isIn = (layer: string) => (module: Module) => module.source.startsWith(`${layer}/`);
const modules: ReadonlyArray<Module> = LAYERS.flatMap((layer) =>
  report.modules.filter(isIn(layer)),
);

/** Imports between groups of modules, such as folders. */
function importsBetween(groupOf: (path: string) => string): Imports {
  const groups = new Map(modules.map(({ source }) => [groupOf(source), new Set<string>()]));
  for (const { source, dependencies } of modules) {
    const from = groupOf(source);
    for (const { resolved } of dependencies) {
      const to = groupOf(resolved);
      if (to !== from && groups.has(to)) groups.get(from)?.add(to);
    }
  }
  return groups;
}

/** The shortest way from a group back to itself. */
function circleFrom(start: string, imports: Imports): ReadonlyArray<string> | undefined {
  const ways = [[start]];
  const seen = new Set<string>();
  // It grows while it is read.
  for (const way of ways) {
    for (const next of imports.get(way.at(-1) ?? "") ?? []) {
      if (next === start) return [...way, start];
      if (!seen.has(next)) ways.push([...way, next]);
      seen.add(next);
    }
  }
  return undefined;
}

const folders = importsBetween(dirname);
const circles = new Map(
  [...folders.keys()]
    .map((folder) => circleFrom(folder, folders) ?? [])
    .filter((circle) => circle.length > 0)
    .map((circle) => [circle.slice(1).toSorted().join(), circle.join(" -> ")]),
);
const rooms = importsBetween((path) => /^adapters\/[^/]+|^\w+/.exec(path)?.[0] ?? "");
const counts = {
  rooms: rooms.size,
  arrows: [...rooms.values()].reduce((sum, { size }) => sum + size, 0),
  ...Object.fromEntries(
    [...folders.keys()]
      .filter((folder) => folder.startsWith("adapters/"))
      .map((folder) => {
        const files = modules.filter(({ source }) => dirname(source) === folder);
        return [`files in ${folder}`, files.length];
      }),
  ),
};

const faults = [
  ...violations.map(
    ({ rule, from, to }: { rule: { name: string }; from: string; to: string }) =>
      `${rule.name}: ${from} -> ${to}`,
  ),
  ...LAYERS.filter(
    (layer) => !modules.some((module) => isIn(layer)(module) && module.dependencies.length > 0),
  ).map((layer) => `no import was seen in ${layer}/`),
  ...[...circles.values()].map((circle) => `a circle of folders: ${circle}`),
  ...Object.entries(counts)
    .map(([what, count]) => ({ what, count, most: MOST[/^\w+/.exec(what)?.[0] ?? ""] ?? 0 }))
    .filter(({ count, most }) => count > most)
    .map(({ what, count, most }) => `${count} ${what}, and at most ${most} may be`),
];
for (const fault of faults) console.error(fault);
console.log(
  `${totalCruised} modules in ${counts.rooms} rooms with ${counts.arrows} arrows, ${faults.length} against the rules`,
);
process.exitCode = faults.length > 0 ? 1 : 0;
