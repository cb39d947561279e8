import { execFileSync } from "node:child_process";

// The import rules of .dependency-cruiser.json. A parser that does not understand the source sees
// no modules, and then finds no fault with any: so what it saw is counted.

const LAYERS = ["domain", "application", "adapters", "deploy"];

const report = JSON.parse(
  execFileSync("depcruise", ["--output-type", "json", ...LAYERS], {
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
  }),
);
const { violations, totalCruised } = report.summary;
for (const { rule, from, to } of violations) console.error(`${rule.name}: ${from} -> ${to}`);

const seen = LAYERS.map((layer) => ({
  layer,
  modules: report.modules.filter(({ source }: { source: string }) =>
    source.startsWith(`${layer}/`),
  ),
}));
const blind = seen.filter(
  ({ modules }) =>
    !modules.some(({ dependencies }: { dependencies: [] }) => dependencies.length > 0),
);
for (const { layer } of blind) console.error(`no import was seen in ${layer}/`);
console.log(`${totalCruised} modules, ${violations.length} against the rules`);
process.exitCode = violations.length > 0 || blind.length > 0 ? 1 : 0;
