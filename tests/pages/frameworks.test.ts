import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Request, Route } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerOf, ask } from "../support/ask.ts";
import { launchChromium } from "../support/chromium.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";
import { findingsIn } from "./axe.ts";
import { complaintsOf } from "./complaints.ts";
import { type Pages, startPages } from "./project.ts";

// The components of docs/client/frameworks.md, each in a page of another origin than the service.

const executablePath = await need("chromium");
const snippets = snippetsOf("docs/client/frameworks.md");
const component = (name: string) =>
  readFileSync(new URL(`../../deploy/examples/components/${name}`, import.meta.url), "utf8");

const CLIENT = `
  import { createClient } from "valetkey/client";
  const client = createClient({
    endpoint: "https://uploads.example.com",
    organization: "acme",
    token: async () => (await fetch("/upload-token")).text(),
  });
  const options = { policy: "files", onDone: ({ key }) => console.log(key) };
`;

/** What mounts each, by its file. */
const MOUNTS = {
  "Uploads.tsx": `
    import { createElement, StrictMode } from "react";
    import { createRoot } from "react-dom/client";
    import { App } from "./App.tsx";
    const root = createRoot(document.getElementById("uploads")!);
    root.render(createElement(StrictMode, null, createElement(App)));
    Object.assign(window, { leave: () => root.unmount() });`,
  "Uploads.vue": `${CLIENT}
    import { createApp } from "vue";
    import Uploads from "./Uploads.vue";
    const app = createApp(Uploads, { client, options, folders: false });
    app.mount("#uploads");
    Object.assign(window, { leave: () => app.unmount() });`,
  "Uploads.svelte": `${CLIENT}
    import { mount, unmount } from "svelte";
    import Uploads from "./Uploads.svelte";
    const target = document.getElementById("uploads");
    const app = mount(Uploads, { target, props: { client, ...options, folders: false } });
    Object.assign(window, { leave: () => unmount(app) });`,
} as const;
const COMPONENTS = Object.keys(MOUNTS) as ReadonlyArray<keyof typeof MOUNTS>;

/** Reads again and again: how long a page takes is no promise, and a busy machine takes minutes. */
const eventually = <A>(read: () => A | Promise<A>) => expect.poll(read);

const put = ({ put_url, put_headers }: { put_url: string; put_headers: HeadersInit }) =>
  fetch(put_url, { method: "PUT", headers: put_headers, body: "one" });

const isPut = (request: Request) => request.method() === "PUT";

/** One grey point, which a browser shows. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==",
  "base64",
);

const png = (name: string, size = 0) => {
  const buffer = Buffer.concat([PNG, Buffer.alloc(size)]);
  return { name, mimeType: "image/png", buffer };
};

const withFolders = (code: string) =>
  code.replace("folders: false", "folders: true").replace("<Uploads ", "<Uploads folders ");

describe.skipIf(executablePath === undefined)("components in Chromium", () => {
  let browser: Browser;
  let pages: Pages;
  let service: ServiceProcess;

  beforeAll(async () => {
    [browser, pages] = await Promise.all([launchChromium(executablePath), startPages()]);
    service = await startProcess({
      CORS_ORIGINS: pages.origin,
      STORAGE_MAX_FILE_SIZE: "100 MiB",
      STORAGE_POLICIES: '{"waits": {"arrival": "incoming", "verify_content": false}}',
    });
    pages.token = service.token;
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
    pages.close();
  });

  const here = (code: string) => code.replace("https://uploads.example.com", service.address);

  const urls: Record<string, Promise<string>> = {};
  /** Opens the page of a component; complaints are what it writes into the console. */
  async function open(
    name: keyof typeof MOUNTS,
    options: BrowserContextOptions = {},
    made = (code: string) => code,
  ) {
    const entry = `${name.replace(".", "-")}${made === withFolders ? "-folders" : ""}.ts`;
    urls[entry] ??= pages.add({
      [entry]: made(here(MOUNTS[name])),
      "App.tsx": made(snippets.get("App.tsx") ?? ""),
      "valetkey.ts": here(snippets.get("valetkey.ts") ?? ""),
      "uploads.css": component("uploads.css"),
      [name]: component(name),
    });
    const page = await browser.newPage(options);
    const complaints = complaintsOf(page);
    const keys: Array<string> = [];
    page.on("console", (said) => said.type() !== "error" && keys.push(said.text()));
    await page.goto(await urls[entry]);
    await page.getByText("Up to 100 MiB each").waitFor();
    const row = (name: string) => page.locator("li", { hasText: name });
    const button = (name: string) => page.getByRole("button", { name, exact: true });
    const focused = () =>
      page.evaluate(() => {
        const { activeElement: element } = document;
        return element?.getAttribute("aria-label") ?? element?.localName;
      });
    return { page, complaints, keys, row, button, focused, input: page.locator("input[multiple]") };
  }

  it("the page shows how to use what is tested here", () => {
    expect([...snippets.keys()]).toEqual([
      "valetkey.ts",
      "App.tsx",
      "Attachments.tsx",
      "FileState.tsx",
    ]);
  });

  it("a list for React becomes current when another client uploads and confirms", async () => {
    const asked = { filename: "a.png", content_type: "image/png", size: 3, policy: "waits" };
    const [first, second] = await Promise.all(
      [1, 2].map(async () => (await answerOf(service, "presign", asked)).body),
    );
    await put(second);
    const url = await pages.add({
      "list-page.ts": `import { createElement, StrictMode } from "react";
        import { createRoot } from "react-dom/client";
        import { FileState } from "./FileState.tsx";
        const root = createRoot(document.getElementById("uploads")!);
        const rows = ${JSON.stringify([first.key, second.key])}.map((file) =>
          createElement(FileState, { key: file, file }));
        root.render(createElement(StrictMode, null, rows));
        Object.assign(window, { leave: () => root.unmount() });`,
      "FileState.tsx": snippets.get("FileState.tsx") ?? "",
      "valetkey.ts": here(snippets.get("valetkey.ts") ?? ""),
    });
    const page = await browser.newPage();
    const complaints = complaintsOf(page);
    await page.clock.install();
    await page.goto(url);
    const rows = async () => {
      await page.clock.runFor(5000);
      return page.locator("li").allInnerTexts();
    };
    await eventually(rows).toEqual(["missing", "waiting"]);
    await ask(service, "confirm", { receipt: second.receipt });
    await eventually(rows).toEqual(["missing", "ready"]);
    await put(first);
    await eventually(rows).toEqual(["waiting", "ready"]);
    await ask(service, "confirm", { receipt: first.receipt });
    await eventually(rows).toEqual(["ready", "ready"]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("a list for React that goes asks for nothing more", async () => {
    const page = await browser.newPage();
    const key = "orgs/acme/files/2026/11/3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f.png";
    const url = await pages.add({
      "left-page.ts": `import { createElement } from "react";
        import { createRoot } from "react-dom/client";
        import { FileState } from "./FileState.tsx";
        const root = createRoot(document.getElementById("uploads")!);
        root.render(createElement(FileState, { file: "${key}" }));
        Object.assign(window, { leave: () => root.unmount() });`,
      "FileState.tsx": snippets.get("FileState.tsx") ?? "",
      "valetkey.ts": here(snippets.get("valetkey.ts") ?? ""),
    });
    await page.route("**/state", () => undefined);
    const asked = page.waitForRequest("**/state");
    await page.goto(url);
    const ended = page.waitForEvent("requestfailed");
    await asked;
    await page.evaluate("leave()");
    expect((await ended).failure()?.errorText).toBe("net::ERR_ABORTED");
    await page.close();
  });

  describe.each(COMPONENTS)("%s", (name) => {
    it("uploads an image that is pasted and files that are dropped, and refuses others", async () => {
      const { page, complaints, keys, row } = await open(name);
      await page.evaluate(
        (bytes) => {
          const clipboardData = new DataTransfer();
          const image = new File([Uint8Array.from(bytes)], "image.png", { type: "image/png" });
          clipboardData.items.add(image);
          document.body.dispatchEvent(
            new ClipboardEvent("paste", { clipboardData, bubbles: true }),
          );
        },
        [...PNG],
      );
      await row("image.png").getByText("Uploaded").waitFor();
      const preview = row("image.png").locator("img");
      const width = preview.evaluate((image: HTMLImageElement) => image.naturalWidth);
      expect(await width).toBeGreaterThan(0);

      const drag = (type: string) =>
        page.locator(".drop b").evaluate((target, type) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(["some text"], "a.txt", { type: "text/plain" }));
          dataTransfer.items.add(new File(["<p>"], "b.html", { type: "text/html" }));
          const init = { dataTransfer, bubbles: true, cancelable: true };
          return !target.dispatchEvent(new DragEvent(type, init));
        }, type);
      expect(await drag("dragover")).toBe(true);
      await page.locator(".drop.over").waitFor();
      await drag("drop");
      await page.locator(".drop:not(.over)").waitFor();
      await row("a.txt").getByText("Uploaded").waitFor();
      await row("b.html").getByText("Files of this type are not accepted: choose PNG,").waitFor();
      expect(await page.getByText("2 of 3 uploaded").isVisible()).toBe(true);
      expect(keys).toEqual([
        expect.stringMatching(/^orgs\/acme\/files\/.*\.png$/),
        expect.stringMatching(/^orgs\/acme\/files\/.*\.txt$/),
      ]);
      expect(complaints).toEqual([]);
      await page.close();
    });

    it("shows the folders of files that are chosen with one, also of more files than it redraws at once", async () => {
      const folder = makeFolder();
      for (let index = 0; index < 120; index++) {
        const inner = join(folder, "album", `${index % 10}`);
        mkdirSync(inner, { recursive: true });
        writeFileSync(join(inner, index < 110 ? `${index}.txt` : "a.txt"), "text");
      }
      const { page, row, complaints } = await open(name, {}, withFolders);
      await page.getByLabel("Choose a folder").setInputFiles(join(folder, "album"));
      await page.getByText("120 of 120 uploaded").waitFor();
      await row("album/3/a.txt").getByText("Uploaded").waitFor();
      expect(await findingsIn(page)).toEqual([]);
      expect(complaints).toEqual([]);
      await page.close();
    });

    it("forgets the pictures of files that are removed, and ends all once it goes", async () => {
      const { page, row, button, input } = await open(name);
      await input.setInputFiles([png("a.png"), png("b.png")]);
      await row("b.png").getByText("Uploaded").waitFor();
      const readable = () =>
        page.evaluate(
          (all) => Promise.all(all.map((one) => fetch(one).then(Boolean, () => false))),
          addresses,
        );
      const addresses = await page
        .locator("img")
        .evaluateAll((all) => all.map((image) => (image as HTMLImageElement).src));
      expect(await readable()).toEqual([true, true]);
      await button("Remove a.png").click();
      expect(await readable()).toEqual([false, true]);
      await page.route("**/store/**", () => undefined);
      const sent = page.waitForRequest(isPut);
      await input.setInputFiles(png("c.png"));
      const ended = page.waitForEvent("requestfailed", isPut);
      await sent;
      await page.evaluate("leave()");
      expect((await ended).failure()?.errorText).toBe("net::ERR_ABORTED");
      expect(await readable()).toEqual([false, false]);
      await page.close();
    });

    it("holds a large file while it is paused, and sends the rest afterwards", async () => {
      const { page, row, button, input, focused } = await open(name);
      const held: Array<Route> = [];
      let puts = 0;
      let isHeld = true;
      await page.route("**/store/**", (route) => {
        if (!isPut(route.request())) return route.continue();
        puts += 1;
        return puts > 1 && isHeld ? void held.push(route) : route.continue();
      });
      // Six parts, of which few are on their way at a time.
      await input.setInputFiles(png("film.png", 30_000_000));
      await eventually(() => held.length).toBeGreaterThan(0);
      const bar = page.getByRole("progressbar", { name: "film.png" });
      const value = () => bar.evaluate((shown: HTMLProgressElement) => shown.value);
      await eventually(value).toBeGreaterThan(0);
      await button("Pause film.png").focus();
      await page.keyboard.press("Enter");
      await row("film.png").getByText("Paused").waitFor();
      expect(await focused()).toBe("Resume film.png");
      isHeld = false;
      const before = puts;
      expect(before).toBeLessThan(6);
      for (const route of held) {
        const arrived = page.waitForEvent("requestfinished", isPut);
        await route.continue();
        await arrived;
      }
      // Whatever is not held would have begun by now.
      await page.evaluate(() => fetch("/upload-token"));
      expect(puts).toBe(before);
      await page.keyboard.press("Enter");
      await row("film.png").getByText("Uploaded").waitFor();
      expect(puts).toBe(6);
      expect(await focused()).toBe("Uploaded: film.png");
      await page.close();
    });

    it("is used by the keyboard alone, and keeps the focus when a file is removed", async () => {
      const { page, row, focused, input } = await open(name);
      const chooser = page.waitForEvent("filechooser");
      await page.keyboard.press("Tab");
      expect(await focused()).toBe("input");
      const ring = () =>
        page.evaluate(() => {
          const at = document.activeElement?.closest(".drop, button");
          return at ? getComputedStyle(at).outlineStyle : "nothing";
        });
      expect(await ring()).toBe("solid");
      await page.keyboard.press("Enter");
      await (await chooser).setFiles([png("a.png"), png("b.png"), png("c.png")]);
      for (const name of ["a.png", "b.png", "c.png"]) {
        await row(name).getByText("Uploaded").waitFor();
      }
      await input.focus();
      for (const name of ["Uploaded: a.png", "Remove a.png", "Uploaded: b.png", "Remove b.png"]) {
        await page.keyboard.press("Tab");
        expect([await focused(), await ring()]).toEqual([name, "solid"]);
      }
      for (const next of ["Remove c.png", "Remove a.png", "input"]) {
        await page.keyboard.press("Enter");
        await eventually(focused).toBe(next);
      }
      expect(await page.locator("li").count()).toBe(0);
      await page.close();
    });

    it("speaks of the start, the end and a failure of each file, which is tried again when asked", async () => {
      const { page, row, button, input } = await open(name);
      await page.locator(".spoken").evaluate((region) => {
        const spoken = new Set<string>();
        const note = () => {
          for (const { textContent } of region.children) spoken.add(textContent?.trim() ?? "");
        };
        new MutationObserver(note).observe(region, {
          childList: true,
          subtree: true,
          characterData: true,
        });
        Object.assign(window, { spoken });
      });
      expect(await page.locator(".spoken").getAttribute("aria-live")).toBe("polite");
      const held: Array<Route> = [];
      await page.route("**/store/**", (route) => void held.push(route));
      const html = { name: "b.html", mimeType: "text/html", buffer: Buffer.from("<p>") };
      await input.setInputFiles([png("a.png", 2 ** 20), html]);
      await eventually(() => held.length).toBe(1);
      await held[0]?.continue();
      await row("a.png").getByText("Uploaded").waitFor();
      await page.unroute("**/store/**");
      const json = { code: "FORBIDDEN", title: "Not allowed" };
      await page.route("**/batch", (route) => route.fulfill({ status: 403, json }));
      await input.setInputFiles(png("c.png"));
      await row("c.png").getByText("You may not upload here.").waitFor();
      await page.unroute("**/batch");
      await button("Try again: c.png").click();
      await row("c.png").getByText("Uploaded").waitFor();
      expect(await page.locator("li").count()).toBe(3);
      const spoken = page.evaluate(() => [
        ...(window as unknown as { spoken: Set<string> }).spoken,
      ]);
      const refusal = "Files of this type are not accepted: choose";
      expect((await spoken).filter((words) => !words.endsWith("Waiting")).toSorted()).toEqual([
        "a.png: Uploaded",
        "a.png: Uploading",
        expect.stringContaining(`b.html: ${refusal}`),
        "c.png: Uploaded",
        "c.png: Uploading",
        "c.png: You may not upload here.",
      ]);
      await page.close();
    });

    it.each(["light", "dark"] as const)(
      "has no findings by axe in the %s theme on a phone, and buttons large enough",
      async (colorScheme) => {
        const viewport = { width: 320, height: 640 };
        const options = { colorScheme, viewport, hasTouch: true, isMobile: true };
        const { page, row, input, button } = await open(name, options);
        expect(await findingsIn(page)).toEqual([]);
        await page.route("**/store/**", (route) =>
          (route.request().postDataBuffer()?.length ?? 0) > 1e6 ? undefined : route.continue(),
        );
        const html = { name: "b.html", mimeType: "text/html", buffer: Buffer.from("<p>") };
        const long = png(`${"long".repeat(40)}.png`, 2e6);
        await input.setInputFiles([png("a.png"), html, long, png("paused.png", 2e6)]);
        await row("a.png").getByText("Uploaded").waitFor();
        await button("Pause paused.png").click();
        expect(await findingsIn(page)).toEqual([]);
        for (const each of await page.locator("button, .drop").all()) {
          const { width = 0, height = 0 } = (await each.boundingBox()) ?? {};
          expect(Math.min(width, height)).toBeGreaterThanOrEqual(44);
        }
        const overflow = "document.documentElement.scrollWidth - innerWidth";
        expect(await page.evaluate(overflow)).toBeLessThanOrEqual(0);
        await page.close();
      },
    );
  });

  it.each(["App.tsx", "FileState.tsx", ...COMPONENTS])(
    "%s compiles with the strictest settings",
    async (name) => {
      await pages.add({
        "nothing.ts": "export {};",
        ...Object.fromEntries(snippets),
        ...Object.fromEntries(COMPONENTS.map((each) => [each, component(each)])),
      });
      expect(await pages.compile(name)).toBe("");
    },
  );
});
