import { build, type Plugin } from "esbuild";
import { Miniflare } from "miniflare";
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { unpacked } from "../support/packed.ts";

/** A Worker that runs, in the runtime of Cloudflare's own machines. */
export interface Worker {
  readonly address: string;
  /** All that it has written so far. */
  readonly output: () => string;
  readonly stop: () => Promise<void>;
}

const ROOT = new URL("../..", import.meta.url).pathname;
const EXAMPLE = join(ROOT, "deploy/examples/worker");

/** A Worker's code, in one file, and the packages that are in it. */
export interface Bundle {
  readonly code: string;
  readonly packages: ReadonlySet<string>;
  /** In bytes, minified and compressed, as the limits for Workers count. */
  readonly size: number;
}

/**
 * Bundles the example for Workers as Wrangler does it, with the package as it is published;
 * `storage` is code in place of its `storage.ts`, and `missing` is what nobody has installed.
 */
export async function bundleWorker(
  over: { readonly storage?: string; readonly missing?: ReadonlyArray<string> } = {},
): Promise<Bundle> {
  const { storage, missing = [] } = over;
  const folder = dirname(await unpacked());
  const bundle = (minify: boolean) =>
    build({
      entryPoints: [join(EXAMPLE, "worker.ts")],
      nodePaths: [folder, join(ROOT, "node_modules")],
      external: [...missing],
      bundle: true,
      minify,
      format: "esm",
      target: "es2024",
      platform: "browser",
      conditions: ["workerd", "worker", "browser"],
      plugins: [nodeModules, ...(storage === undefined ? [] : [inPlaceOfStorage(storage)])],
      write: false,
      metafile: true,
      logLevel: "error",
    });
  const [{ metafile, outputFiles }, minified] = [await bundle(false), await bundle(true)];
  const [output] = Object.values(metafile.outputs);
  const packages = Object.keys(output?.inputs ?? {}).flatMap(
    (path) => PACKAGE.exec(path)?.[1] ?? [],
  );
  return {
    code: outputFiles[0]?.text ?? "",
    packages: new Set(packages),
    size: gzipSync(minified.outputFiles[0]?.contents ?? "").length,
  };
}

/** The name after the last `node_modules/`. */
const PACKAGE = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//;

/** Modules of Node, which `nodejs_compat` brings, also for packages that know `require` alone. */
const nodeModules: Plugin = {
  name: "node-modules",
  setup: ({ onResolve, onLoad }) => {
    const filter = new RegExp(`^(?:node:)?(?:${builtinModules.join("|")})$`);
    onResolve({ filter }, ({ path, kind }) => {
      const name = `node:${path.replace(/^node:/, "")}`;
      return kind === "require-call"
        ? { path: name, namespace: "required" }
        : { path: name, external: true };
    });
    onLoad({ filter: /.*/, namespace: "required" }, ({ path }) => ({
      contents: `import all from "${path}"; module.exports = all;`,
    }));
  },
};

const inPlaceOfStorage = (contents: string): Plugin => ({
  name: "storage",
  setup: ({ onLoad }) => {
    onLoad({ filter: /\/worker\/storage\.ts$/ }, () => ({ contents, loader: "ts" }));
  },
});

/** Starts it with these variables, and the dates and flags that the example says. */
export async function startWorker(
  { code }: Bundle,
  variables: Readonly<Record<string, string>>,
): Promise<Worker> {
  const configuration = JSON.parse(readFileSync(join(EXAMPLE, "wrangler.json"), "utf8"));
  let text = "";
  const miniflare = new Miniflare({
    modules: [{ type: "ESModule", path: "worker.js", contents: code }],
    compatibilityDate: configuration.compatibility_date,
    compatibilityFlags: configuration.compatibility_flags,
    bindings: variables,
    handleRuntimeStdio: (...streams: ReadonlyArray<Readable>) => {
      for (const stream of streams) stream.on("data", (chunk: Buffer) => (text += chunk));
    },
  });
  const address = (await miniflare.ready).origin;
  return { address, output: () => text, stop: () => miniflare.dispose() };
}
