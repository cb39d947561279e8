import { readFile } from "node:fs/promises";
import * as Effect from "effect/Effect";
import { answerHeld } from "./answer.ts";
import { htmlHeaders } from "./html-headers.ts";
import { publicRoute, type Route } from "./route.ts";

const FILES = [
  ["/", "index.html", "text/html; charset=utf-8"],
  ["/page.css", "page.css", "text/css; charset=utf-8"],
  ["/icon.svg", "icon.svg", "image/svg+xml"],
  ["/page.js", "page.js", "text/javascript; charset=utf-8"],
] as const;

/** The page to try the service on. */
export function page(storeOrigin: string): ReadonlyArray<Route> {
  const headers = htmlHeaders(`blob: ${storeOrigin}`, storeOrigin);
  return FILES.map(([path, name, type]) =>
    publicRoute<never>({
      path,
      methods: ["GET", "HEAD"],
      refusals: {},
      handler: ({ c }) =>
        Effect.promise(async () => {
          const content = await readFile(new URL(`./page/${name}`, import.meta.url));
          return answerHeld(c, content, { ...headers, "Content-Type": type });
        }),
    }),
  );
}
