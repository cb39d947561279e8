import { execFileSync } from "node:child_process";
import { dirname } from "node:path";

// The import rules of .dependency-cruiser.json, and what none of them can say: no folder leads back
// to itself through others, and rooms, their arrows and the files of a folder stay few. A parser that
// does not understand the source sees no modules, and then finds no fault with any: so what it saw
// is counted.

const LAYERS = ["domain", "application", "adapters", "deploy"];
const MOST = { rooms: 21, arrows: 85, files: 29 };
/** Folders whose circles are not opened yet. */
const CLOSED = /^application\b/;

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
    .filter((circle) => !circle.every((folder) => CLOSED.test(folder)))
    .map((circle) => [circle.slice(1).toSorted().join(), circle.join(" -> ")]),
);
const rooms = importsBetween((path) => /^adapters\/[^/]+|^\w+/.exec(path)?.[0] ?? "");
const files = [...folders.keys()].map(
  (folder) => modules.filter(({ source }) => dirname(source) === folder).length,
);
const counts = {
  rooms: rooms.size,
  arrows: [...rooms.values()].reduce((sum, { size }) => sum + size, 0),
  files: Math.max(...files),
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
    .filter(([what, count]) => count > MOST[what as keyof typeof MOST])
    .map(
      ([what, count]) => `${count} ${what}, and at most ${MOST[what as keyof typeof MOST]} may be`,
    ),
];
for (const fault of faults) console.error(fault);
console.log(
  `${totalCruised} modules in ${counts.rooms} rooms with ${counts.arrows} arrows, ${faults.length} against the rules`,
);
process.exitCode = faults.length > 0 ? 1 : 0;
