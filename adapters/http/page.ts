import { readFile } from "node:fs/promises";
import { Hono } from "hono";
import { answerHeld } from "./answer.ts";
import type { HttpEnv } from "./env.ts";
import { pageHeaders } from "./page-headers.ts";

const FILES = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/page.css": ["page.css", "text/css; charset=utf-8"],
  "/icon.svg": ["icon.svg", "image/svg+xml"],
  "/page.js": ["page.js", "text/javascript; charset=utf-8"],
} as const;

/** The page to try the service on; its policy permits requests to itself and `storeOrigin`. */
export function page(storeOrigin: string): Hono<HttpEnv> {
  const headers = pageHeaders(`blob: ${storeOrigin}`, storeOrigin);
  const app = new Hono<HttpEnv>();
  for (const [path, [name, type]] of Object.entries(FILES)) {
    app.get(path, async (c) => {
      const content = await readFile(new URL(`./page/${name}`, import.meta.url));
      return answerHeld(c, content, { ...headers, "Content-Type": type });
    });
  }
  return app;
}
