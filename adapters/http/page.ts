import { readFile } from "node:fs/promises";
import { Hono } from "hono";
import type { HttpEnv } from "./env.ts";

const FILES = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/page.css": ["page.css", "text/css; charset=utf-8"],
  "/icon.svg": ["icon.svg", "image/svg+xml"],
  "/page.js": ["page.js", "text/javascript; charset=utf-8"],
} as const;

/** The page to try the service on; its policy permits requests to itself and `storeOrigin`. */
export function page(storeOrigin: string): Hono<HttpEnv> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src 'self' blob: ${storeOrigin}`,
    `connect-src 'self' ${storeOrigin}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  const app = new Hono<HttpEnv>();
  for (const [path, [name, type]] of Object.entries(FILES)) {
    app.get(path, async (c) => {
      const content = await readFile(new URL(`./page/${name}`, import.meta.url));
      return new Response(content, {
        headers: {
          "Content-Type": type,
          "Content-Security-Policy": policy,
          "Referrer-Policy": "no-referrer",
          "X-Content-Type-Options": "nosniff",
          "Cache-Control": "no-cache",
          ...c.get("answerHeaders"),
        },
      });
    });
  }
  return app;
}
