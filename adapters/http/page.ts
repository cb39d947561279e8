import { readFile } from "node:fs/promises";
import { held } from "./answer.ts";
import { clientFiles } from "./client-files.ts";
import { htmlHeaders } from "./html-headers.ts";
import { loadOnce } from "./load-once.ts";
import type { PageFile } from "./options.ts";

const SCRIPT = "text/javascript; charset=utf-8";

const FILES = [
  ["/", "index.html", "text/html; charset=utf-8"],
  ["/page.css", "page.css", "text/css; charset=utf-8"],
  ["/icon.svg", "icon.svg", "image/svg+xml"],
  ["/page.js", "page.js", SCRIPT],
  ["/card.js", "card.js", SCRIPT],
  ["/requests.js", "requests.js", SCRIPT],
] as const;

const load = loadOnce((name) => readFile(new URL(`./page/${name}`, import.meta.url)));

/** The page to try the service on: a client like any other, over `valetkey/client`. */
export function page(storeOrigin: string): ReadonlyArray<PageFile> {
  const headers = htmlHeaders(`blob: ${storeOrigin}`, storeOrigin);
  return [
    ...FILES.map(([path, name, type]): PageFile => ({
      path,
      answer: async () => held(await load(name), { ...headers, "Content-Type": type }),
    })),
    {
      path: "/client/:file",
      answer: async (c) => {
        const content = (await clientFiles()).get(c.req.param("file") ?? "");
        if (content === undefined) return undefined;
        return held(Buffer.from(content), { ...headers, "Content-Type": SCRIPT });
      },
    },
  ];
}
