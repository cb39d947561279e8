import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

// Makes the module of `valetkey/client` of adapters/client/. `npm run build` puts it in place of
// what the compiler has made of the same sources; run from its source, the service makes it for its
// page.

const SOURCE = fileURLToPath(new URL("../adapters/client/client.ts", import.meta.url));

/** The code of each module, by its file name. */
export async function bundleClient(): Promise<ReadonlyMap<string, string>> {
  const bundle = await rolldown({
    input: { client: SOURCE },
    platform: "browser",
    onLog: (_level, { message }) => {
      throw new Error(message);
    },
  });
  const { output } = await bundle.generate({
    format: "es",
    minify: true,
    comments: false,
    entryFileNames: "[name].js",
  });
  await bundle.close();
  return new Map(
    output.flatMap((chunk) =>
      chunk.type === "chunk" ? [[chunk.fileName, chunk.code] as const] : [],
    ),
  );
}
