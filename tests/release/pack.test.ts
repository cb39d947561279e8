import { execFile } from "node:child_process";
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, it } from "vitest";
import { importsOf } from "../support/imports.ts";
import { proseOf } from "../support/markdown.ts";
import { need } from "../support/need.ts";
import { packed, unpacked } from "../support/packed.ts";

// What a person gets by `npm install valetkey`.

const ROOT = new URL("../..", import.meta.url).pathname;
const MADE_OF = ["domain", "application", "adapters", "deploy"];
const TO_READ = ["LICENSE", "README.md", "package.json"];

/** Of a page in the browser; JavaScript and declarations are looked at apart. */
const OF_A_PAGE = /^dist\/adapters\/http\/page\/[\w-]+\.(html|css|js|svg)$/;

/** Texts that `valetkey policy` and `valetkey events setup` print, and what certificates prove. */
const DATA = /^dist\/adapters\/storage\/(?:[\w-]+\/){0,2}[\w-]+\.json$/;

/** A page of the guide. */
const GUIDE = /^docs\/(?:[\w-]+\/)?[\w-]+\.(?:md|txt)$/;
const isGuide = (file: string) => GUIDE.test(file);

/**
 * In bytes: a tenth more than the 672 and 2193 kB of the day on which it was set, with the client
 * for browsers, so that a picture or a table of data that comes along is seen, and code and pages
 * can still grow.
 */
const BUDGET = { packed: 740_000, unpacked: 2_417_000 };

let folder: string;
let files: ReadonlyArray<string>;
beforeAll(async () => {
  folder = await unpacked();
  files = globSync("**", { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
});

const read = (file: string) => readFileSync(join(folder, file), "utf8");
/** Declarations name each other by the sources that they were made of. */
const builtOf = (file: string, specifier: string) =>
  file.endsWith(".d.ts") ? specifier.replace(/\.ts$/, ".d.ts") : specifier;
const manifest = () => JSON.parse(read("package.json"));

it("the package is what was built of the sources, its licence and what there is to read", () => {
  const isBuilt = (file: string) =>
    OF_A_PAGE.test(file) ||
    DATA.test(file) ||
    MADE_OF.some((layer) =>
      [".js", ".d.ts"].some(
        (ending) =>
          file.startsWith(`dist/${layer}/`) &&
          file.endsWith(ending) &&
          existsSync(join(ROOT, file.slice("dist/".length, -ending.length) + ".ts")),
      ),
    );
  const others = files.filter((file) => !isBuilt(file));
  expect(others.filter((file) => !isGuide(file)).sort()).toEqual(TO_READ);
  expect(others.filter(isGuide)).toContain("docs/embedding.md");
  expect(read("LICENSE")).toBe(readFileSync(join(ROOT, "LICENSE"), "utf8"));
  expect(read("LICENSE")).toContain("Apache License");
  expect(manifest().license).toBe("Apache-2.0");
});

it("every link of a page leads to a file of the package, or to an address", () => {
  const astray = files.filter(isPage).flatMap((file) =>
    [...proseOf(read(file)).matchAll(/(?<!!\[[^\]]*)\]\(([^)#\s]+)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !/^(?:https?|mailto):/.test(target))
      .filter((target) => !existsSync(join(folder, dirname(file), target)))
      .map((target) => `${file}: ${target}`),
  );
  expect(astray).toEqual([]);
});

const isPage = (file: string) => /\.(?:md|txt)$/.test(file);

it("no file speaks of a source map that is not there", () => {
  expect(files.filter((file) => read(file).includes("//# sourceMappingURL="))).toEqual([]);
});

it("the package is small", async () => {
  const unpackedSize = files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  const { size } = statSync(await packed());
  expect(size).toBeLessThan(BUDGET.packed);
  expect(unpackedSize).toBeLessThan(BUDGET.unpacked);
});

it("each entry point is there, with its types", () => {
  const { exports, bin } = manifest();
  const targets = [...Object.values<string>(exports), ...Object.values<string>(bin)];
  expect(targets.length).toBeGreaterThan(5);
  for (const target of targets) {
    expect(existsSync(join(folder, target)), target).toBe(true);
    if (!target.endsWith(".js")) continue;
    const types = target.replace(/\.js$/, ".d.ts");
    expect(existsSync(join(folder, types)), types).toBe(true);
  }
});

it("each import leads to a file of the package, or to a package that it names", () => {
  const { dependencies, peerDependencies } = manifest();
  const named = new Set(Object.keys({ ...dependencies, ...peerDependencies }));
  const astray: Array<string> = [];
  for (const file of files.filter((name) => /\.(js|d\.ts)$/.test(name))) {
    if (OF_A_PAGE.test(file)) continue;
    for (const { specifier, package: name } of importsOf(read(file))) {
      const isThere =
        name === undefined
          ? existsSync(join(folder, dirname(file), builtOf(file, specifier)))
          : name.startsWith("node:") || named.has(name);
      if (!isThere) astray.push(`${file}: ${specifier}`);
    }
  }
  expect(astray).toEqual([]);
  // And none is named in vain; of some not a module is imported, but a file is read.
  const code = files
    .filter((file) => file.endsWith(".js"))
    .map(read)
    .join();
  const isUsed = (name: string) => code.includes(`"${name}"`) || code.includes(`"${name}/`);
  expect([...named].filter((name) => !isUsed(name))).toEqual([]);
});

it("package managers and compilers find what they expect: publint and attw have no complaint", async () => {
  const commands = (await need("release")) ?? "";
  const run = async (command: string, args: ReadonlyArray<string>) =>
    promisify(execFile)(join(commands, command), args).catch((cause) => {
      throw new Error(`${command}: ${cause.stdout}${cause.stderr}`);
    });
  await run("publint", ["run", await packed(), "--strict"]);
  await run("attw", [await packed(), "--profile", "esm-only", "--format", "ascii"]);
});
