import { readdir, readFile } from "node:fs/promises";
import { held } from "./answer.ts";
import { loadOnce } from "./load-once.ts";
import type { PageFile } from "./options.ts";

const SCRIPT = "text/javascript; charset=utf-8";

const FILES = [
  ["/", "index.html", "text/html; charset=utf-8"],
  ["/page.css", "page.css", "text/css; charset=utf-8"],
  ["/icon.svg", "icon.svg", "image/svg+xml"],
  // Browsers ask for it beside documents that name no icon.
  ["/favicon.ico", "icon.svg", "image/svg+xml"],
  ["/page.js", "page.js", SCRIPT],
  ["/card.js", "card.js", SCRIPT],
  ["/requests.js", "requests.js", SCRIPT],
] as const;

const load = loadOnce((name) => readFile(new URL(`./page/${name}`, import.meta.url)));

/**
 * Returns the page of the first run: a client like any other, over `valetkey/client`. It may load
 * the service's files and the stores' images, and may send requests to the service and the stores.
 */
export function page(storeOrigins: string): ReadonlyArray<PageFile> {
  const headers = {
    "Content-Security-Policy": [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      `img-src 'self' blob: ${storeOrigins}`,
      `connect-src 'self' ${storeOrigins}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
  };
  return [
    ...FILES.map(([path, name, type]): PageFile => ({
      path,
      answer: async () => held(await load(name), { ...headers, "Content-Type": type }),
    })),
    {
      path: "/client/:file",
      answer: async (c) => {
        const content = (await loadClient("client")).get(c.req.param("file") ?? "");
        if (content === undefined) return undefined;
        return held(Buffer.from(content), { ...headers, "Content-Type": SCRIPT });
      },
    },
  ];
}

/**
 * Loads the modules of `valetkey/client` by their file names, such as `client.js`, for pages of the
 * service. Run from source, the service first builds them.
 */
const loadClient = loadOnce(async (): Promise<ReadonlyMap<string, string>> => {
  if (import.meta.url.endsWith(".ts")) {
    // Missing in the build, so the compiler and bundlers need not know it.
    const isDeno = "Deno" in globalThis;
    const source = `../../deploy/${isDeno ? "strip" : "bundle"}-client.ts`;
    const made = await import(new URL(source, import.meta.url).href);
    return isDeno ? made.stripClient() : made.bundleClient();
  }
  // Beside this module in the build, and in a folder of its own in a bundle.
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
