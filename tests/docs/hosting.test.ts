import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { settings } from "../../adapters/service/settings.ts";
import { makeFolder } from "../support/make-folder.ts";
import { whereIs } from "../support/on-path.ts";

// The files of deploy/hosting fit the image and the service. The hosts cannot be reached from here.

const ROOT = new URL("../..", import.meta.url).pathname;
const read = (file: string) => readFileSync(join(ROOT, "deploy", file), "utf8");
const known = new Set<string>([...settings.map(({ variable }) => variable), "NODE_ENV"]);
const SHUTDOWN_SECONDS = 10;

it("the files for Fly, Railway and Render build the image, ask its health, and let it stop", () => {
  const fly = read("hosting/fly.toml");
  const railway = JSON.parse(read("hosting/railway.json"));
  const [render] = parse(read("hosting/render.yaml")).services;
  const valueOf = (name: string) => new RegExp(`^${name} = "?([^"\n]+?)s?"?$`, "m").exec(fly)?.[1];
  const files = [valueOf("dockerfile")?.replace("..", "deploy"), railway.build.dockerfilePath];
  for (const file of [...files, render.dockerfilePath]) {
    expect(existsSync(join(ROOT, file)), file).toBe(true);
  }
  expect(read("Dockerfile")).toContain(`EXPOSE ${valueOf("internal_port")}\n`);
  const { deploy } = railway;
  const paths = [valueOf("path"), deploy.healthcheckPath, render.healthCheckPath];
  expect(paths).toEqual(Array(3).fill("/readyz"));
  const waits = [valueOf("kill_timeout"), deploy.drainingSeconds, render.maxShutdownDelaySeconds];
  for (const wait of waits) expect(Number(wait)).toBeGreaterThan(SHUTDOWN_SECONDS);
  const [, env = ""] = /^\[env\]\n(.*?)\n\n/ms.exec(fly) ?? [];
  const variables = [...env.matchAll(/^\w+/gm)].map(([name]) => name);
  for (const { key } of render.envVars) variables.push(key);
  expect(variables.filter((name) => !known.has(name))).toEqual([]);
});

it("the unit for systemd is valid, sets variables of the service, and lets it stop", () => {
  const unit = read("hosting/valetkey@.service");
  const variables = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap(([, line = ""]) =>
    line.split(" ").map((pair) => pair.replace(/=.*/, "")),
  );
  const ofNode = new Set(["NODE_COMPILE_CACHE", "NODE_OPTIONS"]);
  expect(variables.filter((name) => !known.has(name) && !ofNode.has(name))).toEqual([]);
  const [, stop] = /^TimeoutStopSec=(\d+)$/m.exec(unit) ?? [];
  expect(Number(stop)).toBeGreaterThan(SHUTDOWN_SECONDS);
  const analyze = whereIs("systemd-analyze");
  if (analyze === undefined) return;
  const file = join(makeFolder(), "valetkey@8787.service");
  writeFileSync(
    file,
    unit.replace("/usr/bin/node", process.execPath).replace("/opt/valetkey", ROOT),
  );
  const answer = execFileSync("sh", ["-c", '"$0" verify "$1" 2>&1', analyze, file]);
  expect(String(answer)).toBe("");
});
