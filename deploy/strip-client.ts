import { readdir, readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";

// Makes modules of `valetkey/client` for Deno, which runs no bundler without permission for native
// code: those of adapters/client/ without their types, under the same names.

const FOLDER = new URL("../adapters/client/", import.meta.url);

export async function stripClient(): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith(".ts"));
  const modules = await Promise.all(
    names.map(async (name) => {
      const code = stripTypeScriptTypes(await readFile(new URL(name, FOLDER), "utf8"));
      return [name, code] as const;
    }),
  );
  return new Map([...modules, ["client.js", 'export * from "./client.ts";\n']]);
}
