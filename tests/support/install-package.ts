import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { installFromNpm } from "./installing.ts";

/** Of a project that has nothing yet. */
export const MANIFEST = '{ "type": "module", "private": true }';

const { devDependencies } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
);

/** The packages that all but pages need beside it. */
export const OF_SERVERS = ["effect", "hono", "@hono/node-server"];

export const BESIDE = OF_SERVERS.map((name) => `${name}@${devDependencies[name]}`);

/** Installs a packed package in an empty folder, with `others` of the registry. */
export async function installPackage(
  folder: string,
  tarball: string,
  others: ReadonlyArray<string> = BESIDE,
): Promise<void> {
  writeFileSync(join(folder, "package.json"), MANIFEST);
  await installFromNpm(["install", tarball, ...others], { cwd: folder });
}
