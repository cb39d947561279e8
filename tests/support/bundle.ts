import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { bundleClient } from "../../deploy/bundle-client.ts";
import type { Found } from "./setup.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
/** Here the bundle finds the packages that it does not contain. */
const CACHE = join(ROOT, "node_modules/.cache");

/**
 * Bundles the service and the command, as `npm run bundle` does for the image, of the sources as
 * they are: a process starts in a third of the time.
 */
export async function bundleService(): Promise<Found<string>> {
  const bundle = await rolldown({
    input: { node: join(ROOT, "deploy/node.ts"), cli: join(ROOT, "deploy/cli.ts") },
    platform: "node",
    external: ["supports-color"],
    onLog: (_level, { message }) => {
      throw new Error(message);
    },
  });
  const { output } = await bundle.generate({ comments: { annotation: false, jsdoc: false } });
  await bundle.close();
  const hash = createHash("sha256");
  for (const chunk of output) hash.update(chunk.type === "chunk" ? chunk.code : chunk.fileName);
  // What Node has compiled is found again under the same name.
  const folder = join(CACHE, `service-${hash.digest("hex").slice(0, 12)}`);
  const found = { value: folder, source: "bundled from this checkout" };
  if (existsSync(folder)) return found;
  mkdirSync(CACHE, { recursive: true });
  removeOlder();
  const fresh = mkdtempSync(join(CACHE, "service-"));
  for (const chunk of output) {
    if (chunk.type === "chunk") writeFileSync(join(fresh, chunk.fileName), chunk.code);
  }
  cpSync(join(ROOT, "adapters/http/page"), join(fresh, "page"), { recursive: true });
  mkdirSync(join(fresh, "client"));
  for (const [name, code] of await bundleClient()) writeFileSync(join(fresh, "client", name), code);
  renameSync(fresh, folder);
  return found;
}

/** Removes the bundles that no run can use any more. */
function removeOlder(): void {
  for (const name of readdirSync(CACHE)) {
    const folder = join(CACHE, name);
    const isOld = Date.now() - statSync(folder).mtimeMs > DAY;
    if (name.startsWith("service-") && isOld) rmSync(folder, { recursive: true, force: true });
  }
}

const DAY = 24 * 60 * 60 * 1000;
