import { createClient } from "@redis/client";
import * as Result from "effect/Result";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { CHILD_ENV } from "../support/child-env.ts";
import { readAll, settings, unknownIn } from "../../adapters/service/settings.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { dockerEnvironment } from "../support/docker-environment.ts";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";

// The files of deploy/ for Docker Compose, as text; compose-up.test.ts starts them.

const DEPLOY = new URL("../../deploy", import.meta.url).pathname;
const FILES = globSync("compose*.yaml", { cwd: DEPLOY }).toSorted();
const PROJECTS = FILES.filter((file) => !/base|peers/.test(file));

interface Service {
  readonly image?: string;
  readonly profiles?: ReadonlyArray<string>;
  readonly command?: ReadonlyArray<string>;
  readonly volumes?: ReadonlyArray<string>;
  readonly extends?: { readonly file: string; readonly service: string };
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: ReadonlyArray<string>;
  readonly read_only?: boolean;
  readonly cap_drop?: ReadonlyArray<string>;
}

it("a project is started in the engine that DOCKER_HOST names, without what else is set here", () => {
  const engine = { DOCKER_HOST: "tcp://192.0.2.1:2376", DOCKER_TLS_VERIFY: "1" };
  const base = { PATH: "/usr/bin", HOME: "/home/mia" };
  const own = { COMPOSE_FILE: "own.yaml", STORAGE_BUCKET: "own" };
  expect(dockerEnvironment({ ...base, ...engine, ...own })).toEqual({ ...base, ...engine });
});

/** The services of a file, with what it includes and they extend; a shell fills in variables as Compose does. */
function servicesOf(file: string, env: Readonly<Record<string, string>> = {}) {
  const text = readFileSync(join(DEPLOY, file), "utf8").replaceAll(/\$\$|`/g, "");
  const filled = execFileSync("sh", ["-c", `cat <<END\n${text}\nEND\n`], { env, encoding: "utf8" });
  const { services, include = [] } = parseYaml(filled, { merge: true }) as {
    readonly services: Readonly<Record<string, Service>>;
    readonly include?: ReadonlyArray<string>;
  };
  return new Map([
    ...include.flatMap((file): ReadonlyArray<[string, Service]> => [...servicesOf(file, env)]),
    ...Object.entries(services).map(([name, of]): [string, Service] => [name, whole(of)]),
  ]);

  function whole(service: Service): Service {
    if (service.extends === undefined) return service;
    const { file, service: name } = service.extends;
    const base = servicesOf(file, env).get(name);
    return { ...base, ...service, environment: { ...base?.environment, ...service.environment } };
  }
}

/** A user of SeaweedFS. */
interface User {
  readonly credentials: readonly [Readonly<Record<"accessKey" | "secretKey", string>>];
  readonly policyNames?: ReadonlyArray<string>;
}

const BUCKET = { STORAGE_BUCKET: "my-bucket", STORES: join(DEPLOY, "stores.json") };

it.each(PROJECTS)("%s has what watches it in the profile watch, of one version", (file) => {
  const services = servicesOf(file, BUCKET);
  for (const name of ["prometheus", "grafana"]) {
    const { image, profiles, volumes = [] } = services.get(name) ?? expect.unreachable();
    expect(image).toMatch(/:v?\d+\.\d+\.\d+$/);
    expect(profiles).toEqual(["watch"]);
    const files = volumes.filter((volume) => volume.startsWith("./"));
    expect(files.length).toBeGreaterThan(1);
    for (const mounted of files) {
      expect(existsSync(join(DEPLOY, mounted.split(":", 1)[0] ?? "")), mounted).toBe(true);
    }
  }
  const [, port] =
    /^ +port: (\d+)$/m.exec(readFileSync(join(DEPLOY, "grafana/prometheus.yaml"), "utf8")) ?? [];
  expect(String(services.get("valetkey")?.environment?.["METRICS_PORT"])).toBe(port);
});

/** What the first service of a project does, into a folder. */
function makeSecrets(
  env: Readonly<Record<string, string>>,
  { folder = makeFolder(), store = "seaweedfs", more = [] as ReadonlyArray<string> } = {},
) {
  const args = [
    "--folder",
    folder,
    "--policies",
    join(DEPLOY, "../adapters/storage/s3/policies"),
    "--store",
    store,
    ...more,
  ];
  const { status, stdout, stderr } = spawnSync(
    "node",
    [join(DEPLOY, "compose/secrets.ts"), ...args],
    {
      env: { ...CHILD_ENV, ...env },
      encoding: "utf8",
    },
  );
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  return { status, stdout, stderr, folder, read, files: readdirSync(folder).toSorted() };
}

const variablesOf = (text: string) =>
  Object.fromEntries([...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));

/** The projects that bring a store. */
const STORES: Readonly<Record<string, string>> = {
  "compose.azure.yaml": "azurite",
  "compose.regions.yaml": "minio",
  "compose.seaweedfs.yaml": "seaweedfs",
  "compose.yaml": "minio",
};

describe.each(PROJECTS)("%s", (file) => {
  it("the service would start with its variables, and knows each of them", () => {
    const { environment = {} } = servicesOf(file, BUCKET).get("valetkey") ?? {};
    const { RUN_AS: _, ...env } = {
      HOST: "0.0.0.0",
      ...environment,
      ...(file in STORES &&
        variablesOf(makeSecrets(HERE, { store: STORES[file] }).read("valetkey.env"))),
    };
    const known = new Set(settings.map(({ variable }) => variable));
    expect(Object.keys(env).filter((name) => !known.has(name))).toEqual([]);
    const read = readAll(env);
    expect(Result.isFailure(read) ? read.failure : unknownIn(env).warnings).toEqual([]);
  });

  it("every port is published for this machine alone, unless it is told otherwise", () => {
    const ports = [...servicesOf(file, BUCKET).values()].flatMap(({ ports = [] }) => ports);
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });
});

it.each(FILES)(
  "no secret of %s has a default that others than this machine are served with",
  (file) => {
    for (const [, name = "", value] of readFileSync(join(DEPLOY, file), "utf8").matchAll(
      /^ +(\w*(?:KEY|SECRET|PASSWORD|TOKEN|CREDENTIALS)S?): (.+)$/gm,
    )) {
      const known = name === "MINIO_ROOT_PASSWORD" ? KNOWN_PASSWORD : "";
      expect(value).toBe(`\${${name}:-${known}}`);
    }
  },
);

/** `secrets.ts` refuses it for others than this machine. */
const KNOWN_PASSWORD = "valetkey-development";

it("the service runs with a read-only root file system, and without capabilities", () => {
  for (const file of PROJECTS) {
    expect(servicesOf(file, BUCKET).get("valetkey")).toMatchObject({
      read_only: true,
      cap_drop: ["ALL"],
    });
  }
});

const redis = await need("redis");

it.skipIf(redis === undefined)("Redis knows after a crash what it has answered", async () => {
  const { command = [], volumes } = servicesOf("compose.peers.yaml").get("redis") ?? {};
  expect(volumes).toEqual(["redis:/data"]);
  const folder = makeFolder();
  const port = String(await freePort());
  const args = command.slice(1).map((arg) => (arg === "/data" ? folder : arg));
  const start = async () => {
    const child = spawn(redis ?? "", [...args, "--port", port], { stdio: "ignore" });
    atTestEnd(() => child.kill("SIGKILL"));
    const client = await until("Redis", async () => {
      const made = createClient({
        url: `redis://127.0.0.1:${port}`,
        socket: { reconnectStrategy: false },
      });
      return made.on("error", () => undefined).connect();
    });
    return { child, client };
  };
  const first = await start();
  for (let key = 0; key < 500; key++) await first.client.set(`key-${key}`, "known");
  first.child.kill("SIGKILL");
  await once(first.child, "exit");
  const second = await start();
  expect(await second.client.dbSize()).toBe(500);
  second.client.destroy();
  second.child.kill("SIGKILL");
  await once(second.child, "exit");
});

const HERE = { PUBLIC_URL: "http://localhost:8787", PUBLISH: "127.0.0.1:8787:8787" };

it("secrets are made at the first start, and stay", () => {
  const first = makeSecrets(HERE);
  expect(first).toMatchObject({
    status: 0,
    files: ["bucket.env", "seaweedfs.json", "valetkey.env"],
  });
  const content = first.files.map(first.read);
  const again = makeSecrets(HERE, { folder: first.folder });
  expect(again.files.map(again.read)).toEqual(content);
  expect(makeSecrets(HERE).read("valetkey.env")).not.toBe(content[2]);
});

it("each use has a key of its own, which may do what its policy allows", () => {
  const { read } = makeSecrets(HERE);
  const variables = variablesOf(read("valetkey.env"));
  const { identities, policies } = JSON.parse(read("seaweedfs.json"));
  const users: ReadonlyArray<User> = identities;
  const keys = new Map(
    users.map(({ credentials: [key], policyNames }) => [key.accessKey, { ...key, policyNames }]),
  );
  for (const use of ["", "PUT_", "GET_"]) {
    const key = keys.get(variables[`STORAGE_${use}ACCESS_KEY`] ?? "");
    expect(key?.secretKey).toBe(variables[`STORAGE_${use}SECRET_KEY`]);
    expect(key?.policyNames).toEqual([key?.accessKey]);
  }
  expect(new Set([...keys.values()].map(({ secretKey }) => secretKey)).size).toBe(4);
  const put = policies.find(({ name }: { name: string }) => name === "valetkey-put");
  expect(JSON.parse(put.content).Statement).toMatchObject([{ Action: ["s3:PutObject"] }]);
});

it("thumbor has the key that signs addresses of pictures, and no other secret", () => {
  const images = makeFolder();
  const { folder } = makeSecrets(HERE, { store: "minio" });
  const { read } = makeSecrets(HERE, { folder, store: "minio", more: ["--images", images] });
  const made = readFileSync(join(images, "thumbor.env"), "utf8");
  expect(made).toMatch(/^IMAGES_KEY=[0-9a-f]{64}\n$/);
  expect(read("valetkey.env")).toContain(made);
  const on = { IMAGES: "thumbor" };
  const services = servicesOf("compose.yaml", on);
  const thumbor = services.get("thumbor");
  expect(thumbor).toMatchObject({ read_only: true, cap_drop: ["ALL"], networks: ["store"] });
  expect(thumbor?.volumes).toEqual(["image-key:/data:ro", "./compose:/compose:ro"]);
  const settings = readAll({
    ...services.get("valetkey")?.environment,
    ...variablesOf(read("valetkey.env")),
    HOST: "0.0.0.0",
  });
  expect(Result.getOrThrow(settings).images).toMatchObject({
    server: "thumbor",
    url: new URL("http://images.localhost:8787"),
  });
});

it.each([
  { ...HERE, PUBLIC_URL: "https://uploads.example.com" },
  { ...HERE, PUBLIC_URL: "http://localhost:8787.example.com" },
  { ...HERE, PUBLISH: "8787:8787" },
  { ...HERE, PUBLISH: "0.0.0.0:8787:8787" },
])("a project with AUTH=dev does not start for other machines: %j", (env) => {
  expect(makeSecrets(env)).toMatchObject({
    status: 78,
    stderr: expect.stringContaining("Set AUTH=jwt"),
    files: [],
  });
  expect(makeSecrets({ ...env, AUTH: "jwt" }).status).toBe(0);
});

it("a project with the known password of MinIO does not start for other machines", () => {
  const env = { ...HERE, MINIO_ROOT_PASSWORD: KNOWN_PASSWORD };
  const others = { ...env, AUTH: "jwt", PUBLIC_URL: "https://uploads.example.com" };
  expect(makeSecrets(env, { store: "minio" })).toMatchObject({
    status: 0,
    files: ["valetkey.env"],
  });
  expect(makeSecrets(others, { store: "minio" })).toMatchObject({
    status: 78,
    stderr: expect.stringContaining("Set MINIO_ROOT_PASSWORD"),
    files: [],
  });
  const own = { ...others, MINIO_ROOT_PASSWORD: "one that nobody knows" };
  expect(makeSecrets(own, { store: "minio" }).status).toBe(0);
});

it("the address of the page to try it is printed for AUTH=dev alone", () => {
  const { stdout, read } = makeSecrets(HERE);
  const { DEV_TOKEN: token = "" } = variablesOf(read("valetkey.env"));
  expect(token).toMatch(/^[\w-]{40}$/);
  expect(stdout).toContain(`http://localhost:8787/#token=${token}\n`);
  expect(makeSecrets({ ...HERE, AUTH: "jwt" }).stdout).toBe("");
});
