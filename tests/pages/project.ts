import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type Plugin, rolldown } from "rolldown";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import { unpacked } from "../support/packed.ts";

const TSC = new URL("../../node_modules/typescript/bin/tsc", import.meta.url).pathname;
const TOOLS = new URL("node_modules/", import.meta.url).pathname;

/** Pages of somebody else, who has installed the packed package and what the pages are made with. */
export interface Pages {
  /** Where they are served. */
  readonly origin: string;
  readonly folder: string;
  /** Bundles the modules, of which the first is the page's, and serves them at its name. */
  readonly add: (modules: Readonly<Record<string, string>>) => Promise<string>;
  /** Checks a module that was added with the compiler of its framework; returns its complaints. */
  readonly compile: (name: string) => Promise<string>;
  /** What the pages get at `/upload-token`. */
  token: string;
  readonly close: () => void;
}

export async function startPages(): Promise<Pages> {
  const folder = makeFolder();
  for (const name of packagesIn(TOOLS)) {
    const path = join(folder, "node_modules", name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(join(TOOLS, name), path);
  }
  cpSync(await unpacked(), join(folder, "node_modules/valetkey"), { recursive: true });
  const code = new Map<string, string>();
  const server = createServer(({ url = "" }, response) => {
    const script = code.get(url);
    if (url === "/upload-token") return response.end(pages.token);
    if (script !== undefined) {
      return response.writeHead(200, { "Content-Type": "text/javascript" }).end(script);
    }
    if (!code.has(`${url}.js`)) return response.writeHead(404).end();
    return response
      .writeHead(200, { "Content-Type": "text/html; charset=utf-8" })
      .end(
        `<!doctype html><html lang="en"><title>Uploads</title><link rel="icon" href="data:,"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><style>body { background: Canvas; }</style><main><h1>Uploads</h1><div id="uploads"></div></main><script type="module" src="${url}.js"></script>`,
      );
  });
  server.listen(await freePort(), "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const pages: Pages = {
    origin: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`,
    folder,
    add: async (modules) => {
      const [entry = ""] = Object.keys(modules);
      for (const [name, text] of Object.entries(modules)) writeFileSync(join(folder, name), text);
      const path = `/${entry.replace(/\..*/, "")}`;
      for (const [name, text] of await bundle(join(folder, entry))) code.set(`/${name}`, text);
      return pages.origin + path;
    },
    compile: (name) => compile(folder, name),
    token: "",
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return pages;
}

async function bundle(entry: string): Promise<ReadonlyArray<readonly [string, string]>> {
  const build = await rolldown({
    input: entry,
    platform: "browser",
    resolve: { conditionNames: ["browser", "import", "default"] },
    transform: { define: { "process.env.NODE_ENV": '"production"' } },
    plugins: [STYLES, SVELTE, VUE],
    checks: { bundlerTimings: false },
    onLog: (level, { code, message }) => {
      // "use client" says nothing to this bundler.
      if (level === "warn" && code !== "MODULE_LEVEL_DIRECTIVE") throw new Error(message);
    },
  });
  const { output } = await build.generate({ format: "es", chunkFileNames: "[name]-[hash].js" });
  await build.close();
  return output.flatMap((chunk) =>
    chunk.type === "chunk" ? [[chunk.fileName, chunk.code] as const] : [],
  );
}

/** The compiler of each framework, by the extension of its components. */
const COMPILERS: Readonly<Record<string, (config: string) => ReadonlyArray<string>>> = {
  ts: (config) => [TSC, "-p", config],
  tsx: (config) => [TSC, "-p", config],
  vue: (config) => [join(TOOLS, "vue-tsc/bin/vue-tsc.js"), "-p", config],
  svelte: (config) => [join(TOOLS, "svelte-check/bin/svelte-check"), "--tsconfig", config],
};

async function compile(folder: string, name: string): Promise<string> {
  writeFileSync(join(folder, "styles.d.ts"), 'declare module "*.css";');
  const compilerOptions = {
    target: "ES2024",
    module: "ESNext",
    moduleResolution: "bundler",
    jsx: "react-jsx",
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  };
  const config = join(folder, `tsconfig.${name}.json`);
  writeFileSync(config, JSON.stringify({ compilerOptions, files: ["styles.d.ts", name] }));
  const command = COMPILERS[name.replace(/.*\./, "")]?.(config) ?? [];
  return promisify(execFile)(process.execPath, command, { cwd: folder }).then(
    () => "",
    ({ stdout, stderr }) => stdout + stderr,
  );
}

/** The packages in a `node_modules`, with those of scopes. */
const packagesIn = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder)
    .filter((name) => !name.startsWith("."))
    .flatMap((name) =>
      name.startsWith("@") ? readdirSync(join(folder, name)).map((own) => `${name}/${own}`) : name,
    );

const tool = createRequire(TOOLS);

/** Style sheets that a module imports are added to the page. */
const STYLES: Plugin = {
  name: "styles",
  transform: {
    filter: { id: /\.css$/ },
    handler: (css) => ({
      code: `document.head.append(Object.assign(document.createElement("style"), { textContent: ${JSON.stringify(css)} }));`,
      moduleType: "js",
    }),
  },
};

const SVELTE: Plugin = {
  name: "svelte",
  transform: {
    filter: { id: /\.svelte$/ },
    handler: (source, filename) => ({
      code: tool("svelte/compiler").compile(source, { filename, generate: "client" }).js.code,
      moduleType: "js",
    }),
  },
};

const VUE: Plugin = {
  name: "vue",
  transform: {
    filter: { id: /\.vue$/ },
    handler: (source, filename) => {
      const { parse, compileScript } = tool("vue/compiler-sfc");
      const { descriptor } = parse(source, { filename });
      const { content } = compileScript(descriptor, { id: filename, inlineTemplate: true });
      return { code: content, moduleType: "ts" };
    },
  },
};
