import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

// Makes the module of `valetkey/client` for `npm run build`, and for the page of a service that is
// run from its source.

const SOURCE = fileURLToPath(new URL("../adapters/client/client.ts", import.meta.url));

export async function bundleClient(): Promise<ReadonlyMap<string, string>> {
  const bundle = await rolldown({
    input: { client: SOURCE },
    platform: "browser",
    onLog: (_level, { message }) => {
      throw new Error(message);
    },
  });
  const { output } = await bundle.generate({ format: "es", minify: true, comments: false });
  await bundle.close();
  return new Map([["client.js", output[0].code]]);
}
