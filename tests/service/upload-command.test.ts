import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { atTestEnd } from "../support/at-test-end.ts";
import { bundled } from "../support/bundled.ts";
import { CHILD_ENV } from "../support/child-env.ts";
import { makeFolder } from "../support/make-folder.ts";
import { startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";

const cli = await bundled("cli");

// What the command says and refuses is in tests/cli/commands.test.ts.

it("an upload in parts that was killed goes on where it was left", async () => {
  const folder = makeFolder();
  const service = await startProcess({ STORAGE_MAX_FILE_SIZE: "64 MiB", LOG_LEVEL: "info" });
  const content = randomBytes(60 * 2 ** 20);
  const path = join(folder, "large.png");
  writeFileSync(path, content);
  const memory = join(folder, ".local/state/valetkey/uploads.json");
  const upload = () => {
    const options = ["--json", "--org", "acme", "--endpoint", service.address];
    const child = spawn(process.execPath, [cli, "upload", path, ...options], {
      env: { ...CHILD_ENV, HOME: folder, VALETKEY_TOKEN: service.token },
      stdio: ["ignore", "pipe", "pipe"],
    });
    atTestEnd(() => child.kill("SIGKILL"));
    return child;
  };
  const killed = upload();
  await until(
    "the upload's first part",
    () => existsSync(memory) && readFileSync(memory, "utf8").includes("large.png"),
  );
  killed.kill("SIGKILL");
  await once(killed, "exit");
  const again = upload();
  const [stdout, [code]] = await Promise.all([text(again.stdout), once(again, "exit")]);
  expect(code).toBe(0);
  const [{ get_url: url }] = JSON.parse(stdout);
  const stored = Buffer.from(await (await fetch(url)).arrayBuffer());
  expect(sha256(stored)).toBe(sha256(content));
  await service.stop();
  expect(service.output().match(/"path":"[^"]*\/multipart"/g)).toHaveLength(1);
  expect(readFileSync(memory, "utf8")).toBe("{}");
});

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
