import { readFile } from "node:fs/promises";
import { answerHeld } from "./answer.ts";
import { htmlHeaders } from "./html-headers.ts";
import type { PageFile } from "./route.ts";

const FILES = [
  ["/", "index.html", "text/html; charset=utf-8"],
  ["/page.css", "page.css", "text/css; charset=utf-8"],
  ["/icon.svg", "icon.svg", "image/svg+xml"],
  ["/page.js", "page.js", "text/javascript; charset=utf-8"],
] as const;

/** The page to try the service on. */
export function page(storeOrigin: string): ReadonlyArray<PageFile> {
  const headers = htmlHeaders(`blob: ${storeOrigin}`, storeOrigin);
  return FILES.map(([path, name, type]) => ({
    path,
    answer: async (c) => {
      const content = await readFile(new URL(`./page/${name}`, import.meta.url));
      return answerHeld(c, content, { ...headers, "Content-Type": type });
    },
  }));
}
