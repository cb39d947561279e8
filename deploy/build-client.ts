import { glob, rm, writeFile } from "node:fs/promises";
import { bundleClient } from "./bundle-client.ts";

// Puts the module of `valetkey/client` in place of those that the compiler has made; declarations
// stay.

const folder = new URL("../dist/adapters/client/", import.meta.url);

for await (const name of glob("*.js", { cwd: folder })) await rm(new URL(name, folder));
for (const [name, code] of await bundleClient()) await writeFile(new URL(name, folder), code);
