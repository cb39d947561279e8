import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { newToken } from "../../adapters/identity/token-file.ts";
import { tokensOf } from "../../adapters/tokens/tokens.ts";
import { valetkey } from "../support/command-line.ts";
import { isFullRun } from "../support/full-run.ts";
import { need } from "../support/need.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { storeFile } from "../support/store-file.ts";
import { until } from "../support/until.ts";

const minio = await need("minio");
const runtimes =
  isFullRun && (await need("runtimes")) !== undefined
    ? (["node", "bun"] as const)
    : (["node"] as const);

const root = mkdtempSync(join(tmpdir(), "valetkey-reload-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;

/** A folder of variables, as Kubernetes mounts them, and files that they name. */
function makeFiles() {
  const folder = join(root, String(++folders));
  const variables = join(folder, "variables");
  mkdirSync(variables, { recursive: true });
  const at = (name: string) => join(folder, name);
  return {
    at,
    env: { ENV_FILES: variables, CONTROL_SOCKET: at("socket"), LOG_FORMAT: "json" },
    set: (name: string, value: string) => write(join(variables, name), `${value}\n`),
    unset: (name: string) => rmSync(join(variables, name)),
    write: (name: string, json: unknown) => write(at(name), JSON.stringify(json)),
    writeText: (name: string, text: string) => writeFileSync(at(name), text),
  };
}

function write(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

type Files = ReturnType<typeof makeFiles>;

/** `valetkey reload`, in this process, for the service whose files these are. */
async function reload({ env: { CONTROL_SOCKET } }: Pick<Files, "env">) {
  const { code, stdout, stderr } = await valetkey(["reload"], { CONTROL_SOCKET });
  return { code, output: `${stdout}${stderr}` };
}

async function presign(
  { address, token }: Pick<ServiceProcess, "address" | "token">,
  body: object = {},
  headers: Readonly<Record<string, string>> = {},
) {
  const answer = await fetch(`${address}/api/v1/orgs/acme/files/presign`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}`, ...headers },
    body: JSON.stringify({ filename: "a.png", content_type: "image/png", size: 5, ...body }),
  });
  const { code, receipt, key, put_url, put_headers } = (await answer.json()) as {
    readonly [member in "code" | "receipt" | "key" | "put_url"]?: string;
  } & { readonly put_headers?: Readonly<Record<string, string>> };
  const put = async (body = "12345") =>
    (await fetch(put_url ?? "", { method: "PUT", headers: put_headers ?? {}, body })).status;
  return { status: answer.status, code, receipt, key, put };
}

async function confirm({ address }: ServiceProcess, token: string, receipt: string | undefined) {
  const answer = await fetch(`${address}/api/v1/orgs/acme/files/confirm`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify({ receipt }),
  });
  return ((await answer.json()) as { readonly code?: string }).code;
}

async function readiness({ address }: ServiceProcess) {
  const answer = await fetch(`${address}/readyz`);
  const { status, parts } = (await answer.json()) as {
    readonly status: string;
    readonly parts: {
      readonly configuration: { readonly state: string; readonly reason?: string };
    };
  };
  return { code: answer.status, status, ...parts.configuration };
}

const logged = (service: ServiceProcess, text: string) =>
  until(text, () => service.output().includes(text));

const lines = (service: ServiceProcess, message: string) =>
  service.output().split(`"the configuration was ${message}`).length - 1;

const key = (id: string) => `${id}:${receiptKey(id).toString("base64")}`;

const stored = ({ id, sha256 }: ReturnType<typeof newToken>) => ({
  id,
  sha256,
  kind: "service",
  subject: "a",
  organizations: ["acme"],
  scopes: ["write", "confirm"],
});

it("a policy, a key and a token are reloaded under load, and every answer is of the old or the new", async () => {
  const files = makeFiles();
  const [kept, late] = [newToken(), newToken()];
  files.write("policies.json", { files: { max_size: 1000 } });
  files.write("tokens.json", { tokens: [stored(kept)] });
  files.set("RECEIPT_KEYS", key("old"));
  files.set("STORAGE_POLICIES", files.at("policies.json"));
  const service = await startProcess({
    ...files.env,
    AUTH: "static",
    AUTH_TOKENS_FILE: files.at("tokens.json"),
    LOG_LEVEL: "warn",
    LIMIT_FAILED_AUTHENTICATIONS: "off",
  });
  const as = (token: string) => ({ address: service.address, token });
  const answers: Array<{ readonly by: string; readonly answer: Promise<string> }> = [];
  const ask = (by: string, token: string, size: number) =>
    answers.push({
      by,
      answer: presign(as(token), { size }).then(
        ({ status, receipt = "" }) => `${status} ${receipt.split(".")[1] ?? ""}`.trim(),
        (cause: unknown) => String(cause),
      ),
    });
  const load = setInterval(() => {
    ask("small", kept.token, 5);
    ask("large", kept.token, 2000);
    ask("late", late.token, 5);
  }, 30);
  const { receipt } = await presign(as(kept.token));
  await until("answers before it", () => answers.length > 60);
  for (let round = 0; round < (isFullRun ? 3 : 1); round++) {
    files.write("policies.json", { files: { max_size: 5000 } });
    files.write("tokens.json", { tokens: [stored(kept), stored(late)] });
    files.set("RECEIPT_KEYS", `${key("new")},${key("old")}`);
    expect((await reload(files)).code).toBe(0);
    expect(await confirm(service, kept.token, receipt)).toBe("UPLOAD_INCOMPLETE");
    const before = answers.length;
    await until("answers after it", () => answers.length > before + 60);
    files.write("policies.json", { files: { max_size: 1000 } });
    files.write("tokens.json", { tokens: [stored(kept)] });
    files.set("RECEIPT_KEYS", key("old"));
    expect((await reload(files)).code).toBe(0);
  }
  clearInterval(load);
  const seen = { small: new Set<string>(), large: new Set<string>(), late: new Set<string>() };
  for (const { by, answer } of answers) seen[by as keyof typeof seen].add(await answer);
  expect([...seen.small].toSorted()).toEqual(["200 new", "200 old"]);
  expect([...seen.large].toSorted()).toEqual(["200 new", "413"]);
  expect([...seen.late].toSorted()).toEqual(["200 new", "401"]);
  await service.stop();
});

it("a file at fault keeps all of the old, also what was right, until the next good version", async () => {
  const files = makeFiles();
  files.write("policies.json", { files: { max_size: 1000 } });
  files.set("STORAGE_POLICIES", files.at("policies.json"));
  files.set("CORS_ORIGINS", "https://old.example");
  const service = await startProcess(files.env);
  const origin = async () =>
    (
      await fetch(`${service.address}/openapi.json`, { headers: { Origin: "https://new.example" } })
    ).headers.get("access-control-allow-origin");
  files.set("CORS_ORIGINS", "https://new.example");
  files.writeText("policies.json", '{"files": {"max_size": 50');
  await until("the refusal", async () => (await readiness(service)).state === "failing");
  expect(await readiness(service)).toMatchObject({
    code: 200,
    status: "degraded",
    reason: `STORAGE_POLICIES cannot be used: the file ${files.at("policies.json")} is not JSON`,
  });
  expect((await presign(service, { size: 2000 })).status).toBe(413);
  expect(await origin()).toBeNull();
  const refused = await reload(files);
  expect(refused).toMatchObject({ code: 1, output: expect.stringContaining("is not JSON") });
  files.write("policies.json", { files: { max_size: 5000 } });
  await until("the good version", async () => (await readiness(service)).state === "ok");
  expect((await presign(service, { size: 2000 })).status).toBe(200);
  expect(await origin()).toBe("https://new.example");
  await logged(service, '"changed":"CORS_ORIGINS,STORAGE_POLICIES"');
  expect(lines(service, "not reloaded")).toBe(2);
  await service.stop();
});

it("what was counted against limits survives, and new numbers hold from then on", async () => {
  const files = makeFiles();
  files.set("LIMIT_OBJECTS_PER_DAY", "2");
  files.set("LIMIT_REQUESTS_PER_SUBJECT", "4 per day");
  files.set("LIMIT_FAILED_AUTHENTICATIONS", "1 per day");
  const service = await startProcess(files.env);
  const stranger = { ...service, token: "somebody-else-entirely" };
  const again = { "Idempotency-Key": "one" };
  const first = await presign(service, {}, again);
  expect((await presign(service)).status).toBe(200);
  expect((await presign(service)).code).toBe("QUOTA_EXCEEDED");
  expect((await presign(stranger)).status).toBe(401);
  files.set("LIMIT_OBJECTS_PER_DAY", "3");
  expect((await reload(files)).code).toBe(0);
  expect((await presign(stranger)).code).toBe("RATE_LIMITED");
  expect((await presign(service)).status).toBe(200);
  expect((await presign(service)).code).toBe("RATE_LIMITED");
  files.set("LIMIT_REQUESTS_PER_SUBJECT", "1000 per day");
  expect((await reload(files)).code).toBe(0);
  expect((await presign(service)).code).toBe("QUOTA_EXCEEDED");
  // A retry gets the object of the first request.
  expect(await presign(service, {}, again)).toMatchObject({ status: 200, key: first.key });
  await service.stop();
});

it.skipIf(minio === undefined)(
  "another key of the store signs and asks it from then on, and URLs of the one before stay valid",
  async () => {
    const files = makeFiles();
    const { endpoint = "", accessKey, secretKey } = minio ?? {};
    const writeKey = (secret = secretKey) =>
      files.write("key.json", { access_key: accessKey, secret_key: secret });
    writeKey();
    const service = await startProcess({
      ...files.env,
      STORAGE_ADAPTER: "minio",
      STORAGE_BUCKET: `reload-${crypto.randomUUID()}`,
      STORAGE_CREATE_BUCKET: "on",
      STORAGE_ENDPOINT: endpoint,
      STORAGE_CREDENTIALS_FILE: files.at("key.json"),
    });
    const granted = await presign(service);
    await until("the bucket", async () => (await (await presign(service)).put()) === 200);
    writeKey("another-secret-key");
    expect((await reload(files)).code).toBe(0);
    await logged(service, '"changed":"STORAGE_CREDENTIALS_FILE"');
    expect(await (await presign(service)).put()).toBe(403);
    expect(await granted.put()).toBe(200);
    expect(await confirm(service, service.token, granted.receipt)).toBe("STORE_UNAVAILABLE");
    writeKey();
    expect((await reload(files)).code).toBe(0);
    expect(await (await presign(service)).put()).toBe(200);
    expect(await confirm(service, service.token, granted.receipt)).toBeUndefined();
    await service.stop();
  },
);

const LINKED = "orgs/org_1/files/2026/11/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png";

it("links that are denied end at a reload, and are followed again once they are not", async () => {
  const files = makeFiles();
  files.write("policies.json", { files: { link_lifetime: "365 days" } });
  files.set("STORAGE_POLICIES", files.at("policies.json"));
  files.set("RECEIPT_KEYS", key("one"));
  const service = await startProcess(files.env);
  await storeFile(service.directory, LINKED);
  const { seal } = tokensOf([{ id: "one", secret: receiptKey("one") }]);
  const [denied, other] = [600_000, 600_001].map((left) => {
    const [i, x] = [Date.now(), Date.now() + left];
    const file = { k: LINKED, n: "a.png", t: "image/png", p: "files" };
    return seal("link", JSON.stringify({ ...file, i, x }));
  }) as [string, string];
  const follow = async (link: string) =>
    (await fetch(`${service.address}/f/${link}`, { redirect: "manual" })).status;
  expect([await follow(denied), await follow(other)]).toEqual([302, 302]);
  files.write("denied.json", [denied.split(".").at(-1)]);
  files.set("LINKS_DENIED", files.at("denied.json"));
  expect((await reload(files)).code).toBe(0);
  expect([await follow(denied), await follow(other)]).toEqual([404, 302]);
  files.unset("LINKS_DENIED");
  expect((await reload(files)).code).toBe(0);
  expect([await follow(denied), await follow(other)]).toEqual([302, 302]);
  files.write("policies.json", { files: {} });
  expect((await reload(files)).code).toBe(0);
  expect([await follow(denied), await follow(other)]).toEqual([404, 404]);
  await service.stop();
});

it.each(runtimes)(
  "all workers of %s take a configuration or none, and one that is started again has it",
  async (runtime) => {
    const files = makeFiles();
    files.set("STORAGE_MAX_FILE_SIZE", "1 B");
    const service = await startProcess({ ...files.env, WEB_CONCURRENCY: "2" }, runtime);
    const statuses = async () =>
      new Set(
        (await Promise.all(Array.from({ length: 40 }, () => presign(service)))).map(
          ({ status }) => status,
        ),
      );
    expect(await statuses()).toEqual(new Set([413]));
    // The first worker answers before the others listen.
    await until("all workers", () => existsSync(files.at("socket")));
    files.set("STORAGE_MAX_FILE_SIZE", "1 MiB");
    expect((await reload(files)).code).toBe(0);
    expect(await statuses()).toEqual(new Set([200]));
    files.set("STORAGE_MAX_FILE_SIZE", "much");
    expect((await reload(files)).code).toBe(1);
    const children = await childrenOf(service.pid);
    expect(children).toHaveLength(2);
    process.kill(children[0] ?? 0, "SIGKILL");
    await until("another worker", async () => {
      const now = await childrenOf(service.pid);
      return now.length === 2 && now.every((pid) => pid !== children[0]);
    });
    for (let round = 0; round < 5; round++) expect(await statuses()).toEqual(new Set([200]));
    expect((await readiness(service)).status).toBe("degraded");
    await service.stop();
  },
);

it("a worker that does not take a configuration leads all back to the old one", async () => {
  const files = makeFiles();
  files.set("STORAGE_MAX_FILE_SIZE", "1 B");
  const service = await startProcess({ ...files.env, WEB_CONCURRENCY: "2" });
  await until("all workers", () => existsSync(files.at("socket")));
  const [stopped = 0] = await childrenOf(service.pid);
  process.kill(stopped, "SIGSTOP");
  files.set("STORAGE_MAX_FILE_SIZE", "1 MiB");
  const refused = await reload(files);
  process.kill(stopped, "SIGCONT");
  expect(refused).toMatchObject({
    code: 1,
    output: expect.stringContaining("a worker does not answer"),
  });
  files.set("STORAGE_MAX_FILE_SIZE", "1 B");
  await until("the end of the failure", async () => (await reload(files)).code === 0);
  const answers = await Promise.all(Array.from({ length: 40 }, () => presign(service)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([413]));
  await service.stop();
});

async function childrenOf(pid: number): Promise<ReadonlyArray<number>> {
  const output = await new Promise<string>((resolve) =>
    execFile("ps", ["-o", "pid=", "--ppid", String(pid)], (_, stdout) => resolve(stdout)),
  );
  return output.trim().split(/\s+/).map(Number);
}

it("valetkey reload ends with 69 where no service runs, and says so", async () => {
  const files = makeFiles();
  expect(await reload(files)).toMatchObject({
    code: 69,
    output: expect.stringContaining("No service is running"),
  });
  const service = await startProcess(files.env);
  expect(await reload(files)).toMatchObject({
    code: 0,
    output: "The configuration was reloaded; nothing changed.\n",
  });
  // A change may have been seen in the files before the command asks.
  let size = 1;
  await until("a change that is reloaded by the command", async () => {
    files.set("STORAGE_MAX_FILE_SIZE", `${1 + (++size % 2)} B`);
    const { code, output } = await reload(files);
    expect(code).toBe(0);
    return output === "The configuration was reloaded; changed: STORAGE_MAX_FILE_SIZE.\n";
  });
  await service.stop();
  expect((await reload(files)).code).toBe(69);
  files.writeText("socket", "no socket");
  expect((await reload(files)).code).toBe(69);
});

it("a service that stops during a reload leaves its caller without an outcome, and says so", async () => {
  const files = makeFiles();
  const service = await startProcess(files.env);
  service.signal("SIGSTOP");
  const outcome = reload(files);
  await until("the connection", () => connectionsTo(files.at("socket")) > 0);
  service.signal("SIGKILL");
  expect(await outcome).toMatchObject({ code: 2, output: expect.stringContaining("see its log") });
});

/** Of Unix sockets, those that clients have connected to this one. */
const connectionsTo = (path: string) =>
  readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .filter((line) => line.endsWith(path)).length - 1;

it("a replaced symbolic link is seen, as Kubernetes mounts a folder", async () => {
  const files = makeFiles();
  const mounted = files.at("mounted");
  for (const [version, size] of [
    ["1", "1 B"],
    ["2", "1 MiB"],
  ] as const) {
    mkdirSync(join(mounted, version), { recursive: true });
    writeFileSync(join(mounted, version, "STORAGE_MAX_FILE_SIZE"), size);
  }
  symlinkSync("1", join(mounted, "..data"));
  symlinkSync("..data/STORAGE_MAX_FILE_SIZE", join(mounted, "STORAGE_MAX_FILE_SIZE"));
  const service = await startProcess({ ENV_FILES: mounted });
  expect((await presign(service)).status).toBe(413);
  symlinkSync("2", join(mounted, "..next"));
  renameSync(join(mounted, "..next"), join(mounted, "..data"));
  await until("the new version", async () => (await presign(service)).status === 200);
  await service.stop();
});

it("of many signals at once, the last one sees the newest files", async () => {
  const files = makeFiles();
  const service = await startProcess(files.env);
  for (let size = 1; size <= 100; size++) {
    files.set("STORAGE_MAX_FILE_SIZE", `${size} B`);
    service.signal("SIGHUP");
  }
  await until("the last", async () => (await presign(service, { size: 100 })).status === 200);
  expect((await presign(service, { size: 101 })).status).toBe(413);
  expect(lines(service, "not reloaded")).toBe(0);
  await service.stop();
});

it("a file that changes every 10 ms is reloaded now and then, and every version is whole", async () => {
  const files = makeFiles();
  files.set("STORAGE_MAX_FILE_SIZE", "1 B");
  const service = await startProcess(files.env);
  let changes = 0;
  const writer = setInterval(
    () => files.set("STORAGE_MAX_FILE_SIZE", `${5 + (++changes % 7)} B`),
    10,
  );
  await until("a reload", async () => (await presign(service)).status === 200);
  clearInterval(writer);
  // Each look is a second apart from the one before, and a hundred changes are not.
  expect(lines(service, "reloaded")).toBeLessThan(changes / 20);
  expect(lines(service, "not reloaded")).toBe(0);
  await service.stop();
});

it("SIGHUP while the service stops does nothing", async () => {
  const files = makeFiles();
  const service = await startProcess({ ...files.env, SHUTDOWN_GRACE: "3 seconds" });
  service.signal("SIGTERM");
  await until("stopping", () => service.output().includes('"stopping"'));
  service.signal("SIGHUP");
  expect(await service.ended).toBe(0);
  expect(lines(service, "")).toBe(0);
});
