import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createClient } from "../../adapters/client/client.ts";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { startProcess, untilReady } from "../support/service-process.ts";
import { until } from "../support/until.ts";

// The commands of deploy/minio/README.md, typed as they stand.

const ROOT = new URL("../..", import.meta.url).pathname;
const minio = await need("minio");

it.skipIf(minio === undefined)(
  "the MinIO that the page starts has room for its service",
  async () => {
    const [server = "", service = ""] = readFileSync(join(ROOT, "deploy/minio/README.md"), "utf8")
      .split("\n\n")
      .filter((block) => /^ {4}/.test(block) && /MINIO_ROOT_USER|STORAGE_ADAPTER/.test(block));
    const folder = makeFolder();
    const port = String(await freePort());
    const here = (block: string) => block.replaceAll("9000", port).replaceAll(".minio", folder);
    const child = spawn("sh", ["-ec", here(server)], {
      cwd: ROOT,
      stdio: "ignore",
      detached: true,
    });
    const ended = once(child, "exit");
    try {
      const isUp = `http://127.0.0.1:${port}/minio/health/cluster`;
      await until("MinIO's start", async () => (await fetch(isUp)).ok);
      const command = here(service).replace("npm start", "exec node deploy/node.ts");
      const started = await startProcess({}, () => ["/bin/sh", "-ec", command]);
      // Until then its bucket may not be there.
      await untilReady(started);
      const { address, token, stop } = started;
      const client = createClient({ endpoint: address, organization: "acme", token });
      const { getUrl } = await client.upload(
        new File(["a picture"], "a.png", { type: "image/png" }),
      );
      expect(await (await fetch(getUrl)).text()).toBe("a picture");
      expect(new URL(getUrl).port).toBe(port);
      await stop();
    } finally {
      process.kill(-(child.pid ?? 0));
      await ended;
    }
  },
);
