import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { commandPath } from "../support/command-path.ts";
import { makeProject, type Project } from "../support/project.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";

// The client as it is published, in the program of docs/client.md; what it does in a browser is in
// tests/browser.

let project: Project;
let service: ServiceProcess;
/** Sent in parts. */
const FILE = randomBytes(17 * 2 ** 20);

beforeAll(async () => {
  project = await makeProject();
  service = await startProcess({ STORAGE_MAX_FILE_SIZE: "20 MiB" });
  const program = snippetsOf("docs/client.md").get("upload.mjs") ?? "";
  project.write("upload.mjs", program.replace("http://127.0.0.1:8787", service.address));
  writeFileSync(join(project.folder, "photo.png"), FILE);
});
afterAll(() => service.stop());

it.each([
  ["node", []],
  ["deno", ["run", "--allow-all"]],
  ["bun", []],
] as const)("the program of the guide uploads a file in parts on %s", async (runtime, options) => {
  const { stdout } = await promisify(execFile)(commandPath(runtime), [...options, "upload.mjs"], {
    cwd: project.folder,
    env: { ...process.env, DEV_TOKEN: service.token },
  });
  const [key = "", url = ""] = stdout.trim().split(" ");
  expect(key).toMatch(/^orgs\/acme\/files\/.*\.png$/);
  expect(hash(await (await fetch(url)).bytes())).toBe(hash(FILE));
});

const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
