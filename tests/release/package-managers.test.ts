import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, it } from "vitest";
import { need } from "../support/need.ts";
import { packed } from "../support/packed.ts";
import { emptyProject, makeProject, type Project } from "../support/project.ts";
import { SIGN, SIGNED, signIn } from "../support/signing.ts";

// The notes of docs/embedding.md on package managers and test runners, each with what it says.

const page = readFileSync(new URL("../../docs/embedding.md", import.meta.url), "utf8");
const commands = (await need("release")) ?? "";

let tarball: string;
beforeAll(async () => {
  tarball = await packed();
});

const peers = /npm install \S+tgz (.+)/.exec(page)?.[1]?.split(" ") ?? [];

it("Yarn 1 installs the package with the peers that the page names", async () => {
  const project = emptyProject();
  await install(project, "yarn", ["add", "--prefer-offline", tarball, ...peers]);
  // Yarn keeps a packed file by its path, and this path is of this run alone.
  await install(project, "yarn", ["cache", "clean", "valetkey"]);
  expect(await signIn(project)).toMatch(SIGNED);
});

it("pnpm installs the package with the peers that the page names", async () => {
  const project = emptyProject();
  await install(project, "pnpm", ["add", "--prefer-offline", tarball, ...peers]);
  expect(await signIn(project)).toMatch(SIGNED);
});

it("Jest runs a test that imports the package, with the options that the page names", async () => {
  const options = /NODE_OPTIONS=([\w-]+)/.exec(page)?.[1] ?? "";
  const project = await makeProject();
  project.write("sign.js", SIGN);
  project.write(
    "upload.test.js",
    `
import { sign } from "./sign.js";
test("an upload is signed", async () => expect(await sign()).toContain("/orgs/acme/"));
`,
  );
  const jest = [join(commands, "jest"), "--cacheDirectory", "cache"];
  const { code, output } = await project.run(jest, { env: { NODE_OPTIONS: options } });
  expect(output).toContain("✓ an upload is signed");
  expect(code).toBe(0);
});

const install = (project: Project, command: string, args: ReadonlyArray<string>) =>
  promisify(execFile)(join(commands, command), args, { cwd: project.folder });
