import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { settings } from "../../adapters/service/settings.ts";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { whereIs } from "../support/on-path.ts";
import { startServer } from "../support/server-process.ts";

const bundle = await need("service");

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

it.skipIf(bundle === undefined)(
  "processes of one machine share their variables, and no port",
  async () => {
    const unit = read("hosting/valetkey@.service");
    const [, ...command] = /^ExecStart=(\S+) (.*)$/m.exec(unit) ?? [];
    const folder = makeFolder();
    // What somebody wrote for a single process.
    const shared = { PORT: "1", METRICS_PORT: "9464", PROBE_PORT: "8788", AUTH: "dev" };
    const serve = async (port: number) => {
      const line = command.join(" ").replaceAll("%i", String(port));
      const args = line.replace("/usr/bin/node bundle", `${process.execPath} ${bundle}`);
      const env = { ...shared, HOST: "127.0.0.1", STORAGE_LOCAL_DIR: folder };
      const isUp = async () => (await fetch(`http://127.0.0.1:1${port}/metrics`)).ok;
      await startServer({ path: "/usr/bin/env", args: args.split(" "), folder, env, isUp });
      const paths = [`${port}/healthz`, `1${port}/metrics`];
      const asked = paths.map((path) => fetch(`http://127.0.0.1:${path}`));
      return (await Promise.all(asked)).map(({ status }) => status);
    };
    expect([await serve(await portOfFour()), await serve(await portOfFour())]).toEqual([
      [200, 200],
      [200, 200],
    ]);
  },
);

/**
 * Returns a port such as a unit has: its other one is given to nobody else, and no browser or `fetch`
 * refuses it ("Port blocking", Fetch Standard).
 */
async function portOfFour(): Promise<number> {
  for (;;) {
    const port = (await freePort()) - 10_000;
    if (port >= 7000 && port < 10_000 && (await isFree(port))) return port;
  }
}

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer().listen(port, "127.0.0.1");
  const bound = await once(server, "listening").then(
    () => true,
    () => false,
  );
  server.close();
  return bound;
};
