import { glob, rm, writeFile } from "node:fs/promises";
import { bundleClient, bundleFiles } from "./bundle-client.ts";

// Replaces the compiled modules of `valetkey/client` and `valetkey/files`; their declarations stay.

const folder = new URL("../dist/adapters/client/", import.meta.url);

for await (const name of glob(["*.js", "files/*.js"], { cwd: folder }))
  await rm(new URL(name, folder));
for (const bundle of [bundleClient, bundleFiles]) {
  for (const [name, code] of await bundle()) await writeFile(new URL(name, folder), code);
}
