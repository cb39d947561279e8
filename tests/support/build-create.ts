import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { basename, join } from "node:path";

// `node tests/support/build-create.ts FOLDER` makes there what is published as create-valetkey: the
// command of deploy/create, and the examples that it copies. `npm pack` runs it with `--examples`,
// which gives the examples of this checkout what they share.

const ROOT = join(import.meta.dirname, "../..");
const COMMAND = join(ROOT, "deploy/create");
const EXAMPLES = join(ROOT, "deploy/examples");

/** Files of `page/` and `components/`, which examples share and Git has once. */
const STYLES = ["page/page.css", "components/uploads.css", "components/files.css"];
const componentsOf = (extension: string) => [
  ...STYLES,
  `components/Uploads.${extension}`,
  `components/Files.${extension}`,
];
const REACT = componentsOf("tsx");
const PLAIN = [...STYLES, "components/uploads.js", "components/files.js"];
const PAGE = [...PLAIN, "page/index.html", "page/page.js"];

/** Examples that are applications, each with what it shares and the folder that has it. */
const SHARED: Readonly<Record<string, readonly [string, ReadonlyArray<string>]>> = {
  astro: ["src/components", PLAIN],
  express: ["public", PAGE],
  fastify: ["public", PAGE],
  hono: ["public", PAGE],
  koa: ["public", PAGE],
  nestjs: ["public", PAGE],
  nextjs: ["components", REACT],
  node: ["public", PAGE],
  nuxt: ["app/components", componentsOf("vue")],
  "react-router": ["app/components", REACT],
  sveltekit: ["src/components", componentsOf("svelte")],
  "tanstack-start": ["src/components", REACT],
};
export const FRAMEWORKS = Object.keys(SHARED);
const NOT_SOURCES =
  /^(?:node_modules|build|dist|public|components|package-lock\.json|.*\.gen\.ts|.*\.tsbuildinfo|\..+)$/;

/** Copies what an example shares into its folder. */
function copyShared(name: string, folder: string): void {
  const [place, files] = SHARED[name] ?? ["", []];
  for (const file of files) cpSync(join(EXAMPLES, file), join(folder, place, basename(file)));
}

export function buildCreate(folder: string): void {
  const { version, homepage, bugs, license, repository, publishConfig, engines, ...others } =
    JSON.parse(read(join(ROOT, "package.json")));
  mkdirSync(folder, { recursive: true });
  const write = (name: string, content: object) =>
    writeFileSync(join(folder, name), `${JSON.stringify(content, null, 2)}\n`);
  write("package.json", {
    name: "create-valetkey",
    version,
    description: "Makes an application that takes uploads, with Valetkey.",
    homepage,
    bugs,
    license,
    repository,
    bin: { "create-valetkey": "./create.js" },
    type: "module",
    publishConfig,
    engines,
  });
  write("versions.json", { ...others.devDependencies, valetkey: version });
  const code = stripTypeScriptTypes(read(join(COMMAND, "create.ts")));
  writeFileSync(join(folder, "create.js"), code, { mode: 0o755 });
  cpSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
  for (const name of ["README.md", "choices.json", "ignored.txt", "stores"]) {
    cpSync(join(COMMAND, name), join(folder, name), { recursive: true });
  }
  for (const name of FRAMEWORKS) {
    const starter = join(folder, "starters", name);
    cpSync(join(EXAMPLES, name), starter, {
      recursive: true,
      filter: (path) => !NOT_SOURCES.test(basename(path)),
    });
    copyShared(name, starter);
  }
}

const read = (path: string) => readFileSync(path, "utf8");

if (process.argv[1] === import.meta.filename) {
  const [, , folder = "create-valetkey"] = process.argv;
  if (folder !== "--examples") buildCreate(folder);
  else for (const name of FRAMEWORKS) copyShared(name, join(EXAMPLES, name));
}
