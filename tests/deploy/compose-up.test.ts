import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { dockerEnvironment } from "../support/docker-environment.ts";
import { freePort } from "../support/free-port.ts";
import { isFullRun } from "../support/full-run.ts";
import { makePng } from "../support/make-png.ts";
import { need } from "../support/need.ts";
import { snippetsOf } from "../support/snippets.ts";
import { until } from "../support/until.ts";

// The files of deploy/ for Docker Compose, started as docs/compose.md says.

const DEPLOY = new URL("../../deploy", import.meta.url).pathname;
const compose = await need("compose");
const chromium = await need("chromium");

const BY_HAND = snippetsOf("README.md").get("by-hand.js") ?? expect.unreachable();

/** A project that runs. */
interface Project {
  readonly address: string;
  readonly storeUrl: string;
  /** Runs a command of Docker Compose on it, and gives what that prints. */
  readonly compose: (...args: ReadonlyArray<string>) => Promise<string>;
  /** The same with other settings. */
  readonly with: (env: Readonly<Record<string, string>>) => Project["compose"];
  /** Runs a command in the container of the service, with its secrets. */
  readonly inside: (...command: ReadonlyArray<string>) => Promise<string>;
  readonly down: () => Promise<void>;
}

async function up(file: string, more: Readonly<Record<string, string>>): Promise<Project> {
  const port = await freePort();
  const address = `http://localhost:${port}`;
  const storeUrl = `http://files.localhost:${port}`;
  const settings = {
    ...more,
    PUBLIC_URL: address,
    STORE_URL: storeUrl,
    IMAGES_URL: `http://images.localhost:${port}`,
    PUBLISH: `127.0.0.1:${port}:${port}`,
    // Of compose.regions.yaml.
    STORE_URLS: `http://eu.localhost:${port}, http://us.localhost:${port}`,
    STORES: readFileSync(join(DEPLOY, "stores.json"), "utf8").replaceAll("8787", String(port)),
    MINIO_PORT: String(await freePort()),
    REPLICAS: "2",
    LIMIT_REQUESTS_PER_SUBJECT: "100000 per minute",
  };
  const [command = "", ...first] = compose ?? [];
  const withSettings =
    (env: Readonly<Record<string, string>>) =>
    async (...args: ReadonlyArray<string>) => {
      const project = ["--project-name", `valetkey-test-${port}`, "--file", join(DEPLOY, file)];
      // A file .env beside it is somebody's own.
      const all = [...first, ...project, "--env-file", "/dev/null", ...args];
      return run(command, all, { ...dockerEnvironment(), ...settings, ...env });
    };
  const project: Project = {
    address,
    storeUrl,
    compose: withSettings({}),
    with: withSettings,
    inside: (...command) =>
      project.compose("exec", "-T", "valetkey", "sh", "/compose/with-secrets.sh", ...command),
    down: async () => void (await project.compose("down", "--volumes", "--timeout", "1")),
  };
  try {
    await project.compose("up", "--detach", "--wait");
  } catch (cause) {
    const logs = await project.compose("logs");
    await project.down();
    throw new Error(logs, { cause });
  }
  return project;
}

const run = async (
  command: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string> => (await promisify(execFile)(command, args, { env })).stdout.trim();

const docker = (...args: ReadonlyArray<string>) => run("docker", args);

const presign = (token: string) => ({
  method: "POST",
  headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
  body: JSON.stringify({ filename: "a.txt", content_type: "text/plain", size: 19 }),
});

describe.skipIf(compose === undefined)("compose.seaweedfs.yaml", () => {
  const project = started("compose.seaweedfs.yaml");
  servesUploads(project, "seaweedfs:8333");
  restartsWithoutLoss(project);
});

// The same service in front of MinIO, and of Azurite.
if (isFullRun) {
  describe.skipIf(compose === undefined)("compose.yaml", () => {
    const project = started("compose.yaml", {
      COMPOSE_PROFILES: "images",
      IMAGES: "thumbor",
      STORAGE_POLICIES: JSON.stringify({ files: { images: [64] } }),
    });
    servesUploads(project, "store:9000");

    it("a picture comes in a size of its policy, by the public name of thumbor", async ({
      onTestFinished,
      skip,
    }) => {
      skip(chromium === undefined);
      const files = "http://valetkey:8787/api/v1/orgs/acme/files";
      const script = `
        const headers = { Authorization: "Bearer " + process.env.DEV_SERVICE_TOKEN, "Content-Type": "application/json" };
        const picture = Buffer.from("${makePng(320, 160).toString("base64")}", "base64");
        const body = JSON.stringify({ filename: "a.png", content_type: "image/png", size: picture.length });
        const granted = await (await fetch("${files}/presign", { method: "POST", headers, body })).json();
        await fetch(granted.put_url, { method: "PUT", headers: granted.put_headers, body: picture });
        const path = granted.key.slice(granted.key.indexOf("files/") + 6);
        const shown = await fetch("${files}/" + path + "?width=64", { headers, redirect: "manual" });
        console.log(shown.headers.get("location"));`;
      const address = await project().inside("node", "--input-type=module", "--eval", script);
      expect(new URL(address).hostname).toBe("images.localhost");
      const browser = await launchChromium(chromium);
      onTestFinished(() => browser.close());
      const tab = await (await browser.newContext()).newPage();
      await tab.goto(address);
      const size = "[document.images[0].naturalWidth, document.images[0].naturalHeight]";
      expect(await tab.evaluate(size)).toEqual([64, 32]);
      const other = JSON.stringify(address.replace("/64x0/", "/65x0/"));
      expect(await tab.evaluate(`fetch(${other}).then(({ status }) => status)`)).toBe(400);
    });
  });

  describe.skipIf(compose === undefined)("compose.regions.yaml", () => {
    const project = started("compose.regions.yaml");

    /** Runs an upload of each organization, and returns its steps: hosts and statuses. */
    const upload = async (organizations: ReadonlyArray<string>) => {
      const script = `
        const headers = { Authorization: "Bearer " + process.env.DEV_SERVICE_TOKEN, "Content-Type": "application/json" };
        const body = JSON.stringify({ filename: "a.txt", content_type: "text/plain", size: 5 });
        const steps = await Promise.all(${JSON.stringify(organizations)}.map(async (organization) => {
          const files = "http://valetkey:8787/api/v1/orgs/" + organization + "/files/";
          const granted = await (await fetch(files + "presign", { method: "POST", headers, body })).json();
          const { put_url, put_headers, receipt, key } = granted;
          const put = await fetch(put_url, { method: "PUT", headers: put_headers, body: "hello" }).catch(({ cause }) => cause);
          const confirmed = await fetch(files + "confirm", { method: "POST", headers, body: JSON.stringify({ receipt }) });
          const got = await fetch("http://valetkey:8787/api/v1/orgs/" + organization + "/files/" + key.slice(key.indexOf("files/") + 6), { headers, redirect: "manual" });
          const location = new URL(got.headers.get("location"));
          return [new URL(put_url).hostname, put.status, confirmed.status, location.hostname];
        }));
        console.log(JSON.stringify(steps));`;
      const said = await project().inside("node", "--input-type=module", "--eval", script);
      return JSON.parse(said);
    };

    it("files of each organization are sent to its region, and read from there", async () => {
      expect(await upload(["acme", "globex"])).toEqual([
        ["eu.localhost", 200, 200, "eu.localhost"],
        ["us.localhost", 200, 200, "us.localhost"],
      ]);
    });

    it("a region that is away fails the uploads of its own organizations alone", async () => {
      await project().compose("stop", "--timeout", "1", "us");
      expect(await upload(["acme", "globex"])).toEqual([
        ["eu.localhost", 200, 200, "eu.localhost"],
        ["us.localhost", 502, 503, "us.localhost"],
      ]);
      await project().compose("start", "us");
      await until("the region", async () => (await upload(["globex"]))[0][2] === 200);
    });

    it("four processes on one machine share the requests that Caddy gets", async () => {
      const { address, compose: run, inside } = project();
      await run("up", "--detach", "--wait", "--no-recreate", "--scale", "valetkey=4");
      const token = await inside("printenv", "DEV_TOKEN");
      const ask = () => fetch(`${address}/api/v1/orgs/acme/files/presign`, presign(token));
      const statuses = (await Promise.all(Array.from({ length: 200 }, ask))).map((it) => it.status);
      expect(new Set(statuses)).toEqual(new Set([200]));
      const lines = (await run("logs", "valetkey")).split("\n");
      const busy = lines.filter((line) => line.includes("/files/presign"));
      const replicas = new Set(busy.map((line) => line.split(" ", 1)[0]));
      expect([...replicas].toSorted()).toEqual([1, 2, 3, 4].map((each) => `valetkey-${each}`));
    });
  });

  describe.skipIf(compose === undefined)("compose.azure.yaml", () => {
    const project = started("compose.azure.yaml");
    servesUploads(project, "azurite:10000", {
      status: 201,
      unknown: ["public address"],
    });

    it("the account that Azurite has by itself, whose key everyone knows, is not there", async () => {
      const script = `
        for (const name of ["valetkey", "devstoreaccount1"]) {
          const headers = { Authorization: "SharedKey " + name + ":AAAA", "x-ms-version": "2023-11-03" };
          const { status } = await fetch("http://azurite:10000/" + name + "?comp=list", { headers });
          console.log(status);
        }`;
      const said = await project().inside("node", "--input-type=module", "--eval", script);
      expect(said.split("\n")).toEqual(["403", "404"]);
    });
  });
}

/** The project of a file, once its tests run. */
function started(file: string, more: Readonly<Record<string, string>> = {}): () => Project {
  let project: Project | undefined;
  beforeAll(async () => void (project = await up(file, more)));
  afterAll(() => project?.down());
  return () => project ?? expect.fail("the project is not up");
}

/**
 * `store` is the host to which services in the project send files, which answers them with `status`;
 * `unknown` are the checks of which the doctor cannot tell the outcome.
 */
function servesUploads(
  running: () => Project,
  store: string,
  { status = 200, unknown = ["lifecycle", "public address"] } = {},
): void {
  it("a page uploads through the public names by the requests of the README", async ({
    onTestFinished,
    skip,
  }) => {
    skip(chromium === undefined);
    const project = running();
    const log = await project.compose("logs", "--no-log-prefix", "secrets");
    const [page = "", token = ""] = /http:\S+#token=(\S+)/.exec(log) ?? [];
    const browser = await launchChromium(chromium);
    onTestFinished(() => browser.close());
    const context = await browser.newContext();
    const tab = await context.newPage();
    await tab.goto(page);
    const [putUrl, getUrl] = await tab.evaluate<[string, string]>(`(async () => {
      const token = "${token}";
      const file = new File(["hello"], "hello.txt", { type: "text/plain" });
      ${BY_HAND}
      return [put_url, get_url];
    })()`);
    expect(new URL(putUrl).origin).toBe(project.storeUrl);
    await tab.goto(getUrl);
    expect(await tab.textContent("body")).toBe("hello");
  });

  it("a service uploads through the name of the store inside the project", async () => {
    const project = running();
    const token = await project.inside("printenv", "DEV_SERVICE_TOKEN");
    const script = `
      const asked = await fetch("http://valetkey:8787/api/v1/orgs/acme/files/presign", ${JSON.stringify(presign(token))});
      const { put_url, put_headers, get_url } = await asked.json();
      const put = await fetch(put_url, { method: "PUT", headers: put_headers, body: "the bytes of a file" });
      const get = await fetch(get_url);
      console.log(JSON.stringify([new URL(put_url).host, put.status, await get.text()]));`;
    const said = await project.inside("node", "--input-type=module", "--eval", script);
    expect(JSON.parse(said)).toEqual([store, status, "the bytes of a file"]);
  });

  it("the doctor finds nothing at fault", async () => {
    const project = running();
    // A busy machine may be too late for it.
    const said = await until("answers in time", async () => {
      const told = await project
        .inside("valetkey", "doctor", "--json")
        .catch(({ stdout }: { readonly stdout: string }) => stdout);
      return !told.includes("answer within") && told;
    });
    const { findings } = JSON.parse(said);
    const verdicts = Map.groupBy<string, { readonly check: string; readonly verdict: string }>(
      findings,
      ({ verdict }) => verdict,
    );
    expect(verdicts.get("failed") ?? []).toEqual([]);
    expect([...verdicts.keys()].toSorted()).toEqual(["could not tell", "passed"]);
    // The public address is that of the machine, seen from a container.
    expect(verdicts.get("could not tell")?.map(({ check }) => check)).toEqual(unknown);
    expect(verdicts.get("passed")?.length).toBeGreaterThan(15);
  });

  it("the service is an ordinary user without capabilities, who cannot write into the image", async () => {
    const project = running();
    expect(await project.inside("id", "--user")).toBe("1000");
    expect(await project.inside("grep", "CapEff", "/proc/self/status")).toMatch(/\t0+$/);
    await expect(project.inside("touch", "/tmp/a")).rejects.toThrow("Read-only file system");
  });
}

function restartsWithoutLoss(running: () => Project): void {
  it("no request is lost while replicas restart, are killed and, before a release, are updated", async ({
    onTestFinished,
  }) => {
    const project = running();
    const replicas = async () =>
      (await project.compose("ps", "--quiet", "valetkey")).split("\n").toSorted();
    const token = await project.inside("printenv", "DEV_TOKEN");
    const asked: Array<Promise<string>> = [];
    const ask = async () => {
      const answer = await fetch(
        `${project.address}/api/v1/orgs/acme/files/presign`,
        presign(token),
      );
      const body = await answer.text();
      return answer.ok ? "granted" : `${answer.status} ${body}`;
    };
    const timer = setInterval(() => asked.push(ask().catch(String)), 20);
    onTestFinished(() => clearInterval(timer));

    const before = await replicas();
    expect(before).toHaveLength(2);
    const [first = "", second = ""] = before;
    for (const replica of isFullRun ? before : [second]) {
      await docker("restart", replica);
      await restarted(replica);
    }
    await docker("kill", first);
    await docker("start", first);
    await restarted(first);
    if (isFullRun) await update(project, before, replicas);

    clearInterval(timer);
    expect(new Set(await Promise.all(asked))).toEqual(new Set(["granted"]));
    expect(asked.length).toBeGreaterThan(100);
  });
}

/** Updates both replicas as docs/compose.md says. */
async function update(
  project: Project,
  before: ReadonlyArray<string>,
  replicas: () => Promise<ReadonlyArray<string>>,
): Promise<void> {
  const grown = ["--no-deps", "--no-recreate", "--scale", "valetkey=4", "valetkey"];
  const updated = project.with({ LIMIT_BYTES_PER_DAY: "40 GiB" });
  await updated("up", "--detach", "--wait", ...grown);
  await updated("up", "--detach", "--wait");
  const after = await replicas();
  expect(after).toHaveLength(2);
  expect(after.filter((replica) => before.includes(replica))).toEqual([]);
}

/** Waits until a replica answers again. */
const restarted = (replica: string) =>
  until("the restart", () => docker("exec", replica, "node", "--eval", IS_READY).then(() => true));

const IS_READY =
  'fetch("http://127.0.0.1:8787/readyz").then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))';

it.skipIf(compose === undefined)("the image adds less than 60 MB to that of Node", async () => {
  const image = await sizeOf("valetkey");
  const node = await sizeOf("node:26-bookworm-slim");
  expect(image).toBeGreaterThan(node);
  expect(image - node).toBeLessThan(60e6);
});

const sizeOf = async (image: string) =>
  Number(await docker("image", "inspect", "--format", "{{.Size}}", image));
