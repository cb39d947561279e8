import { readdir, readFile } from "node:fs/promises";
import { loadOnce } from "./load-once.ts";

/**
 * The modules of `valetkey/client` by their file names, such as `client.js`, for pages of the
 * service. Run from its source, the service makes them first.
 */
export const clientFiles = (): Promise<ReadonlyMap<string, string>> => load("client");

const load = loadOnce(async (): Promise<ReadonlyMap<string, string>> => {
  if (import.meta.url.endsWith(".ts")) {
    // Not there in what is built, so the compiler and bundlers need not know it.
    const isDeno = "Deno" in globalThis;
    const source = `../../deploy/${isDeno ? "strip" : "bundle"}-client.ts`;
    const made = await import(new URL(source, import.meta.url).href);
    return isDeno ? made.stripClient() : made.bundleClient();
  }
  // Beside this module where it is built, and in a folder of its own where it is bundled.
  return read("../client/").catch(() => read("./client/"));
});

async function read(path: string): Promise<ReadonlyMap<string, string>> {
  const folder = new URL(path, import.meta.url);
  const names = (await readdir(folder)).filter((name) => name.endsWith(".js"));
  return new Map(
    await Promise.all(
      names.map(async (name) => [name, await readFile(new URL(name, folder), "utf8")] as const),
    ),
  );
}
