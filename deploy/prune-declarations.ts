import { globSync, readFileSync, rmSync } from "node:fs";
import { join, normalize } from "node:path";

// Removes the declarations that no entry point of the package reaches: they cannot be imported.

const ROOT = new URL("..", import.meta.url).pathname;
const { exports, bin } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Readonly<
  Record<"exports" | "bin", Readonly<Record<string, string>>>
>;

const reached = new Set<string>();
const follow = (file: string): void => {
  if (reached.has(file)) return;
  reached.add(file);
  for (const [, path = ""] of readFileSync(file, "utf8").matchAll(/"(\.{1,2}\/[^"]+)\.[jt]s"/g)) {
    follow(join(file, "..", `${path}.d.ts`));
  }
};
for (const entry of [...Object.values(exports), ...Object.values(bin)]) {
  if (entry.endsWith(".js")) follow(join(ROOT, normalize(entry).replace(/\.js$/, ".d.ts")));
}

for (const file of globSync("dist/**/*.d.ts", { cwd: ROOT })) {
  const path = join(ROOT, file);
  if (!reached.has(path)) rmSync(path);
}
