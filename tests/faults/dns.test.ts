import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { bundled } from "../support/bundled.ts";
import { commandPath } from "../support/command-path.ts";
import { isFullRun } from "../support/full-run.ts";
import { makeFolder } from "../support/make-folder.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { startProcess } from "../support/service-process.ts";
import { endure, isReady } from "./endure.ts";
import { startToxiproxy } from "./toxiproxy.ts";

const minio = await need("minio");
await need("mounts");

/** An address of this machine that nobody else uses. */
const SERVER = "127.53.53.53";

it.each([
  ...(isFullRun ? [{ how: "cannot be reached", isThere: false }] : []),
  // Each look-up holds one of four threads meanwhile, which files are read by too.
  { how: "takes questions and answers nothing", isThere: true },
])("signing goes on while DNS $how", async ({ how, isThere }) => {
  const server = createSocket("udp4");
  if (isThere) {
    // Needs root, as port 53 does.
    await once(server.bind(53, SERVER), "listening");
  }
  const folder = makeFolder();
  const names = join(folder, "hosts");
  const resolve = join(folder, "resolv.conf");
  const known = "127.0.0.1 localhost store.example\n";
  writeFileSync(names, known);
  writeFileSync(resolve, `nameserver ${SERVER}\noptions timeout:1 attempts:1\n`);
  const way = await startToxiproxy(Number(new URL(minio?.endpoint ?? "").port));
  const mounted = `mount --bind ${names} /etc/hosts; mount --bind ${resolve} /etc/resolv.conf; exec "$@"`;
  const service = await startProcess(
    {
      ...minioEnv(minio),
      STORAGE_ENDPOINT: `http://store.example:${way.port}`,
      STORAGE_PUBLIC_ENDPOINT: minio?.endpoint ?? "",
    },
    async () => [
      "/usr/bin/unshare",
      "--map-root-user",
      "--mount",
      "sh",
      "-ec",
      mounted,
      "sh",
      commandPath("node"),
      await bundled("node"),
    ],
  );
  await isReady(service);
  const failing = ["200", "503 STORE_UNAVAILABLE"];
  await endure(() => service, {
    name: `DNS ${how}`,
    begin: () => {
      writeFileSync(names, "127.0.0.1 localhost\n");
      // Connections that are open need no name.
      return way.heal();
    },
    end: () => writeFileSync(names, known),
    allowed: { confirm: failing, start: failing, complete: failing },
    answers: { presign: 40, confirm: isFullRun ? 10 : 2, start: isFullRun ? 2 : 1 },
    shows: ["confirm 503 STORE_UNAVAILABLE"],
  });
  expect(await service.stop()).toBe(0);
  server.close();
});
