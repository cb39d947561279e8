import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { need } from "../support/need.ts";
import { makeProject, type Project } from "../support/project.ts";
import { startProcess } from "../support/service-process.ts";
import { SERVED, threeLines } from "../support/three-lines.ts";

// What is published, installed, on the oldest line of Node that it says it is for.

const node22 = await need("node22");

let project: Project;
beforeAll(async () => {
  project = await makeProject();
});

it.skipIf(node22 === undefined)("the installed command serves on Node 22", async () => {
  const installed = join(project.folder, "node_modules/valetkey");
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  expect(manifest.engines.node).toMatch(/^>=22\./);
  const command = [node22 ?? "", join(installed, manifest.bin.valetkey), "serve"];
  const service = await startProcess({}, () => command);
  expect(await threeLines(service.address, service.token)).toEqual(SERVED);
  expect(await service.stop()).toBe(0);
});
