import { minify } from "@swc/core";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

// Makes the modules of `valetkey/client` of adapters/browser/: an entry, and what it loads when it
// is needed. `npm run build` puts them in place of what the compiler has made of the same sources;
// run from its source, the service makes them for its page.

const SOURCE = fileURLToPath(new URL("../adapters/browser/client.ts", import.meta.url));

/** The code of each module, by its file name. */
export async function bundleClient(): Promise<ReadonlyMap<string, string>> {
  const bundle = await rolldown({
    input: { client: SOURCE },
    platform: "browser",
    // What is loaded later shares the entry's code, rather than that a page waits for a third file.
    preserveEntrySignatures: "allow-extension",
    onLog: (_level, { message }) => {
      throw new Error(message);
    },
  });
  const { output } = await bundle.generate({
    format: "es",
    minify: true,
    comments: false,
    entryFileNames: "[name].js",
    chunkFileNames: "[name].js",
  });
  await bundle.close();
  const modules = output.filter((one) => one.type === "chunk");
  const minified = modules.map(async ({ fileName, code }) => {
    // What rolldown has made small becomes 1.5 % smaller.
    const compress = { passes: 5, toplevel: true, unsafe_arrows: true };
    const smaller = await minify(code, { module: true, compress, mangle: { toplevel: true } });
    return [fileName, smaller.code] as const;
  });
  return new Map(await Promise.all(minified));
}
