import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { isFullRun } from "../support/full-run.ts";
import { need } from "../support/need.ts";
import { installPackage, OF_SERVERS } from "../support/install-package.ts";
import { packed, unpacked } from "../support/packed.ts";
import { emptyProject, installProject, makeProject, type Project } from "../support/project.ts";
import { SIGNED, signIn } from "../support/signing.ts";

// What `npm install valetkey` brings into a project, and what it does not. For a release npm makes
// a project of its own; otherwise it is the one that a run installs once.

await need("runtimes");

let project: Project;
beforeAll(async () => {
  project = isFullRun ? await installProject() : await makeProject();
});

const { version, exports, peerDependencies, peerDependenciesMeta, devDependencies } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
);
const optional = Object.keys(peerDependencies).filter(
  (name) => peerDependenciesMeta[name]?.optional === true,
);

it("npm brings no client library of a store along", () => {
  expect(optional).toContain("minio");
  const lock = readFileSync(join(project.folder, "node_modules/.package-lock.json"), "utf8");
  for (const name of optional.filter((name) => !OF_SERVERS.includes(name))) {
    expect(existsSync(join(project.folder, "node_modules", name)), name).toBe(false);
    expect(lock).not.toContain(`node_modules/${name}"`);
  }
  expect(optional).toEqual(Object.keys(peerDependencies));
});

it("a page has the client without what servers need, and a server is told what it lacks", async () => {
  const page = emptyProject();
  if (isFullRun) await installPackage(page.folder, await packed(), []);
  else cpSync(await unpacked(), join(page.folder, "node_modules/valetkey"), { recursive: true });
  for (const name of OF_SERVERS) {
    expect(existsSync(join(page.folder, "node_modules", name)), name).toBe(false);
  }
  page.write("page.js", 'await import("valetkey/client");\nawait import("valetkey/files");\n');
  expect(await page.run(["node", "page.js"])).toEqual({ code: 0, output: "" });
  page.write("server.js", 'await import("valetkey");\n');
  const { output } = await page.run(["node", "server.js"]);
  expect(output).toMatch(/Cannot find package '(?:effect|hono)' imported from /);
  const command = await page.run(["node", "node_modules/valetkey/dist/deploy/cli.js", "certify"]);
  const needed = OF_SERVERS.filter((name) => name !== "@hono/node-server");
  expect(command).toEqual({
    code: 1,
    output: `valetkey needs the packages ${needed.join(" and ")}, which are not installed; install them with: npm install ${needed.map((name) => `${name}@${peerDependencies[name]}`).join(" ")}\n`,
  });
});

it("a checkout has each of them, at one exact version", () => {
  for (const name in peerDependencies) {
    expect(devDependencies[name], name).toMatch(/^\d+\.\d+\.\d+$/);
  }
});

/** All entry points but those for a test runner, React and Uppy, which such a project has. */
const ENTRIES = Object.keys(exports)
  .filter((entry) => !["./package.json", "./contract", "./react", "./uppy"].includes(entry))
  .map((entry) => entry.replace(/^\./, "valetkey"));

it.each(["node", "bun", "deno"])("%s imports every entry point without them", async (runtime) => {
  project.write(
    "import.js",
    ENTRIES.map((entry) => `console.log(Object.keys(await import("${entry}")).length > 0);`).join(
      "\n",
    ),
  );
  const { code, output } = await project.run([runtime, "import.js"]);
  expect(output).toBe("true\n".repeat(ENTRIES.length));
  expect(code).toBe(0);
});

it("the installed package signs, and says its version", async () => {
  expect(await signIn(project)).toMatch(SIGNED);
  const told = await project.run(["node_modules/.bin/valetkey", "--version"]);
  expect(told.output).toBe(`${version}\n`);
});
