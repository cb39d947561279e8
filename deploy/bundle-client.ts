import { fileURLToPath } from "node:url";
import { type Plugin, rolldown } from "rolldown";

// Bundles `valetkey/client` for `npm run build` and for the page of a service run from source, and
// `valetkey/files`.

export const bundleClient = async (): Promise<ReadonlyMap<string, string>> =>
  new Map([["client.js", await bundled("client")]]);

export const bundleFiles = async (): Promise<ReadonlyMap<string, string>> =>
  new Map([["files/files.js", await bundled("files/files", PARTS_OF_CLIENT)]]);

async function bundled(name: string, ...plugins: Array<Plugin>): Promise<string> {
  const bundle = await rolldown({
    input: fileURLToPath(new URL(`../adapters/client/${name}.ts`, import.meta.url)),
    platform: "browser",
    plugins,
    onLog: (_level, { message }) => {
      throw new Error(message);
    },
  });
  const { output } = await bundle.generate({ format: "es", minify: true, comments: false });
  await bundle.close();
  return output[0].code;
}

/** Shares what `valetkey/client` exports: an error of one module is an `UploadError` of the other. */
const PARTS_OF_CLIENT: Plugin = {
  name: "parts-of-client",
  resolveId: (id) =>
    /\/(?:errors|size-in-words)\.ts$/.test(id) ? { id: "../client.js", external: true } : undefined,
};
