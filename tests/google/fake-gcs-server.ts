import { spawn } from "node:child_process";
import { once } from "node:events";
import { freePort } from "../support/free-port.ts";
import { findGoTool } from "../support/go-tool.ts";
import type { Found } from "../support/setup.ts";
import { until } from "../support/until.ts";

const NAME = "fake-gcs-server";

/**
 * Takes the first that is there: the binary that `TEST_FAKE_GCS` names, or one that `findGoTool`
 * finds. It checks no signature and keeps everything in memory.
 */
export async function startFakeGcs(): Promise<Found<string>> {
  const binary =
    process.env["TEST_FAKE_GCS"] ||
    (await findGoTool({ name: NAME, version: "v1.56.1", path: `github.com/fsouza/${NAME}` }));
  if (binary !== undefined) return asProcess(binary);
  return {
    value: undefined,
    source: `install Go, or name a binary of ${NAME} with TEST_FAKE_GCS`,
  };
}

async function asProcess(binary: string): Promise<Found<string>> {
  const host = "127.0.0.1";
  const port = await freePort();
  const flags = {
    backend: "memory",
    scheme: "http",
    host,
    port,
    // Requests of the XML API are only known by this name.
    "public-host": `${host}:${port}`,
    "log-level": "error",
  };
  const child = spawn(
    binary,
    Object.entries(flags).map(([name, value]) => `-${name}=${value}`),
    { stdio: "ignore" },
  );
  await once(child, "spawn");
  const exited = once(child, "exit");
  const stop = async () => {
    child.kill();
    await exited;
  };
  const endpoint = `http://${host}:${port}`;
  try {
    await until(
      `${NAME}'s start`,
      async () => (await fetch(`${endpoint}/_internal/healthcheck`)).ok,
    );
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { value: endpoint, source: `the binary ${binary}`, stop };
}
