import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { basename, join } from "node:path";

// `node tests/support/build-create.ts FOLDER` makes there what is published as create-valetkey: the
// command of deploy/create, and the examples that it copies.

const ROOT = join(import.meta.dirname, "../..");
const COMMAND = join(ROOT, "deploy/create");

/** Examples that are applications. */
export const FRAMEWORKS = [
  "astro",
  "express",
  "fastify",
  "hono",
  "koa",
  "nestjs",
  "nextjs",
  "node",
  "react-router",
  "sveltekit",
];
const NOT_SOURCES = /^(?:node_modules|build|dist|package-lock\.json|.*\.tsbuildinfo|\..+)$/;

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
    cpSync(join(ROOT, "deploy/examples", name), join(folder, "starters", name), {
      recursive: true,
      filter: (path) => !NOT_SOURCES.test(basename(path)),
    });
  }
}

const read = (path: string) => readFileSync(path, "utf8");

if (process.argv[1] === import.meta.filename) buildCreate(process.argv[2] ?? "create-valetkey");
