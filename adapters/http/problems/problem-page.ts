import { html, raw } from "hono/html";
import type { Answer } from "../answer.ts";
import type { HttpContext } from "../env.ts";
import type { Problem } from "./problem.ts";

/** Returns true if a browser requests a page, as when a person opens a link. */
export function wantsPage(c: HttpContext): boolean {
  const accepted = c.req.raw.headers.get("accept") ?? "";
  return c.req.method === "GET" && accepted.includes("text/html") && !accepted.includes("json");
}

export function problemPage(problem: Problem, requestId: string): Answer {
  const { status, title, detail, code, headers } = problem;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        ${STYLE}
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          <p>${detail}</p>
          <p><small>${status} ${code}, request ${requestId}</small></p>
        </main>
      </body>
    </html> `;
  return { status, headers: { ...PAGE_HEADERS, ...headers }, body: page.toString() };
}

const STYLE = raw(
  "<style>:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif } main { max-width: 36rem; margin: 15vh auto; padding: 0 1rem; overflow-wrap: anywhere }</style>",
);

const PAGE_HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  // The hash of the style above.
  "Content-Security-Policy":
    "default-src 'none'; style-src 'sha256-lpDmV19JxFml5MLYusf2KJrkPqgGEp5H/lV/Zvn3Mac='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "no-store",
};
