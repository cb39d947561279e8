import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { CHILD_ENV } from "../support/child-env.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import { until } from "../support/until.ts";

it("the service stays when whoever reads its log goes", async () => {
  const directory = makeFolder();
  const port = String(await freePort());
  const child = spawn(process.execPath, ["deploy/node.ts"], {
    env: { ...CHILD_ENV, PORT: port, STORAGE_LOCAL_DIR: directory },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  atTestEnd(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const isAlive = async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok || undefined;
  await until("the service's start", isAlive);
  child.stdout.destroy();
  for (let requests = 0; requests < 10; requests++) expect(await isAlive()).toBe(true);
  child.kill("SIGTERM");
  const [code] = await ended;
  expect(code).toBe(0);
});
