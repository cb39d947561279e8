import { readFileSync } from "node:fs";
import { join } from "node:path";
import type * as client from "../../adapters/client/client.ts";
import type * as files from "../../adapters/client/files/files.ts";
import { launchChromium } from "../support/chromium.ts";

declare const page: typeof client & typeof files;

const PAGE = `<!doctype html><script type="module">
  import * as client from "./client.js";
  import * as files from "./files/files.js";
  globalThis.page = { ...client, ...files };
</script>`;

interface Guest {
  /** Where the host has installed the package. */
  readonly modules: string;
  readonly token?: string;
  readonly cookie?: { readonly name: string; readonly value: string };
  readonly policy?: string;
}

/** What a page sees of each file: as it was sent, and then removed. */
export const USED = [
  { opened: true, removed: 404 },
  { opened: true, removed: 404 },
];

/**
 * Does in a page of the host what people do there: sends a file in three parts and a text, opens each,
 * and removes it. Gives whether each was opened as it was sent, and the answer once it is removed.
 */
export async function useFromPage(
  chromium: string | undefined,
  origin: string,
  { modules, token, cookie, policy }: Guest,
) {
  const browser = await launchChromium(chromium);
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    if (cookie !== undefined) await context.addCookies([{ ...cookie, url: origin }]);
    const tab = await context.newPage();
    // Beside those of the host; modules are those that it has installed.
    await tab.route(`${origin}/page/**`, (route) => {
      const name = new URL(route.request().url()).pathname.slice("/page/".length);
      if (name === "") return route.fulfill({ contentType: "text/html", body: PAGE });
      const path = join(modules, "valetkey/dist/adapters/client", name);
      return route.fulfill({ contentType: "text/javascript", body: readFileSync(path, "utf8") });
    });
    await tab.goto(`${origin}/page/`);
    return await tab.evaluate(
      async (guest) => {
        const headers = { "Content-Type": "application/json" };
        await fetch("/login", { method: "POST", headers, body: '{"name":"ann"}' });
        const options = { endpoint: location.origin, organization: "acme", token: guest.token };
        const film = Uint8Array.from({ length: 12 * 2 ** 20 }, (_, at) => at % 251);
        // As an MP4 begins.
        film.set(new TextEncoder().encode("\0\0\0\x18ftypisom"));
        const sent = [
          new File([film], "film.mp4", { type: "video/mp4" }),
          new File(["some text"], "notes.txt", { type: "text/plain" }),
        ];
        const found = [];
        for (const file of sent) {
          const { fileUrl, getUrl } = await page
            .createClient(options)
            .upload(file, { policy: guest.policy });
          const [got, own] = [await (await fetch(getUrl)).bytes(), await file.bytes()];
          await page.createFiles(options).remove(fileUrl);
          const { status } = await fetch(getUrl);
          found.push({
            opened: got.length === own.length && got.every((byte, at) => byte === own[at]),
            removed: status,
          });
        }
        return found;
      },
      { token, policy },
    );
  } finally {
    await browser.close();
  }
}
