import { createHash, randomBytes } from "node:crypto";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bundled } from "../support/bundled.ts";
import { CHILD_ENV } from "../support/child-env.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "valetkey-upload-"));
let service: ServiceProcess;

beforeAll(async () => {
  service = await startProcess({ STORAGE_MAX_FILE_SIZE: "64 MiB", LOG_LEVEL: "info" });
});
afterAll(async () => {
  await service.stop();
  rmSync(folder, { recursive: true });
});

const cli = await bundled("cli");

/** Starts `valetkey upload` as a person does. */
function start(args: ReadonlyArray<string>, token = service.token) {
  const child = spawn(
    process.execPath,
    [cli, "upload", ...args, "--org", "acme", "--endpoint", service.address],
    {
      cwd: ROOT,
      env: { ...CHILD_ENV, HOME: folder, VALETKEY_TOKEN: token },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  atTestEnd(() => child.kill("SIGKILL"));
  return child;
}

async function run(...[args, token]: Parameters<typeof start>) {
  const child = start(args, token);
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  return { code: child.exitCode, stdout, stderr };
}

/** A file of these bytes, in the folder of this test. */
function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

it("upload sends files, prints their addresses, and says what is wrong with the others", async () => {
  const [good, bad, none] = [file("a.txt", "hello"), file("b.html", "<p>"), join(folder, "none")];
  mkdirSync(join(folder, "directory"));
  const { code, stdout, stderr } = await run([good, bad, none, join(folder, "directory")]);
  expect(code).toBe(1);
  const address = /^\S+a\.txt +(http\S+)\n$/.exec(stdout)?.[1] ?? "";
  const headers = { Authorization: `Bearer ${service.token}` };
  expect(await (await fetch(address, { headers })).text()).toBe("hello");
  expect(stderr).toMatch(/b\.html: Files of this type are not accepted\./);
  expect(stderr).toMatch(/none: There is no such file\. Check its path\./);
  expect(stderr).toMatch(/directory: It is a folder\. Name its files\./);
});

it("upload --json prints what a program needs of each file", async () => {
  const path = file("c.txt", "hello");
  const { code, stdout } = await run([path, join(folder, "none"), "--json"]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toEqual([
    {
      file: path,
      key: expect.stringMatching(/^orgs\/acme\/files\/.*\.txt$/),
      size: 5,
      content_type: "text/plain",
      get_url: expect.stringMatching(/^http/),
      file_url: expect.stringMatching(/^http/),
      receipt: expect.stringMatching(/^v1\./),
    },
    {
      file: join(folder, "none"),
      error: { code: "not-found", message: "There is no such file. Check its path." },
    },
  ]);
});

it("upload names the variable for a token that the service does not know", async () => {
  const { code, stderr } = await run([file("d.txt", "hello")], "wrong");
  expect([code, stderr]).toEqual([1, expect.stringContaining("Set VALETKEY_TOKEN")]);
});

it("an upload in parts that was killed goes on where it was left", async () => {
  const content = randomBytes(60 * 2 ** 20);
  const path = file("large.png", content);
  const memory = join(folder, ".local/state/valetkey/uploads.json");
  const child = start([path]);
  await until(
    "the upload's first part",
    () => existsSync(memory) && readFileSync(memory, "utf8").includes("large.png"),
  );
  child.kill("SIGKILL");
  await once(child, "exit");
  const { code, stdout } = await run([path, "--json"]);
  expect(code).toBe(0);
  const [{ get_url: url }] = JSON.parse(stdout);
  const stored = Buffer.from(await (await fetch(url)).arrayBuffer());
  expect(sha256(stored)).toBe(sha256(content));
  expect(service.output().match(/"path":"[^"]*\/multipart"/g)).toHaveLength(1);
  expect(readFileSync(memory, "utf8")).toBe("{}");
});

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
