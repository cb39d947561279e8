import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import type { Found } from "../support/setup.ts";
import { installTools } from "../support/tools.ts";
import { until } from "../support/until.ts";

/** Where Azurite answers, and the key that may do everything there. */
export interface AzuriteServer {
  /** With the account as its path, and without a slash at its end. */
  readonly endpoint: string;
  readonly account: string;
  /** In base64. */
  readonly key: string;
}

/**
 * Starts Azurite, which `tests/azure/package.json` names, with an account and a key of its own. It
 * keeps everything in a folder, where objects share a few extents, or in memory, where each is one
 * of its own: nobody is answered while it sweeps thousands of them, every ten minutes. In a folder
 * a body that breaks off may end in another object: the rest of it is written to a descriptor that
 * is closed by then, and that something else may have.
 */
export async function startAzurite(
  objects: "in a folder" | "in memory",
): Promise<Found<AzuriteServer>> {
  const { value: commands = "" } = await installTools("azure");
  const host = "127.0.0.1";
  const port = await freePort();
  const account = "valetkeytest";
  const key = randomBytes(64).toString("base64");
  const folder = makeFolder();
  const flags = ["--blobHost", host, "--blobPort", `${port}`];
  // The official client is newer.
  flags.push("--disableTelemetry", "--silent", "--skipApiVersionCheck");
  if (objects === "in memory") flags.push("--inMemoryPersistence");
  const child = spawn(process.execPath, [join(commands, "azurite-blob"), ...flags], {
    cwd: folder,
    env: { ...process.env, AZURITE_ACCOUNTS: `${account}:${key}` },
    stdio: "ignore",
  });
  await once(child, "spawn");
  const exited = once(child, "exit");
  const stop = async () => {
    child.kill();
    await exited;
  };
  const endpoint = `http://${host}:${port}/${account}`;
  try {
    // It answers who does not sign with a refusal.
    await until(
      "Azurite's start",
      async () => (await fetch(`${endpoint}?comp=list`)).status >= 400,
    );
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { value: { endpoint, account, key }, source: "Azurite, installed by npm", stop };
}
