import { readFileSync } from "node:fs";
import type { Browser, BrowserContextOptions, Route } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { answerOf, ask, upload } from "../support/ask.ts";
import { launchChromium } from "../support/chromium.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";
import { findingsIn } from "./axe.ts";
import { complaintsOf } from "./complaints.ts";
import { type Pages, startPages } from "./project.ts";

// The lists of files of docs/client/frameworks.md, beside the uploads whose files come on top.

const executablePath = await need("chromium");
const snippets = snippetsOf("docs/client/frameworks.md");
const component = (name: string) =>
  readFileSync(new URL(`../../deploy/examples/components/${name}`, import.meta.url), "utf8");

/** What mounts each, by the extension of its components. */
const MOUNTS = {
  tsx: `
    import { createElement, StrictMode } from "react";
    import { createRoot } from "react-dom/client";
    import { Attachments } from "./Attachments.tsx";
    const root = createRoot(document.getElementById("uploads")!);
    root.render(createElement(StrictMode, null, createElement(Attachments)));
    Object.assign(window, { leave: () => root.unmount() });`,
  vue: `
    import { createApp } from "vue";
    import Attachments from "./Attachments.vue";
    const app = createApp(Attachments);
    app.mount("#uploads");
    Object.assign(window, { leave: () => app.unmount() });`,
  svelte: `
    import { mount, unmount } from "svelte";
    import Attachments from "./Attachments.svelte";
    const app = mount(Attachments, { target: document.getElementById("uploads") });
    Object.assign(window, { leave: () => unmount(app) });`,
} as const;
type Framework = keyof typeof MOUNTS;
const FRAMEWORKS = Object.keys(MOUNTS) as ReadonlyArray<Framework>;

/** Reads again and again: how long a page takes is no promise. */
const eventually = <A>(read: () => A | Promise<A>) => expect.poll(read);

/** One grey point, which a browser shows. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==",
  "base64",
);
const REFUSED = { status: 403, json: { code: "FORBIDDEN", title: "Not allowed" } };
const isRemoval = (route: Route) => route.request().method() === "DELETE";

describe.skipIf(executablePath === undefined)("lists of files in Chromium", () => {
  let browser: Browser;
  let pages: Pages;
  let service: ServiceProcess;

  beforeAll(async () => {
    [browser, pages] = await Promise.all([launchChromium(executablePath), startPages()]);
    service = await startProcess({
      CORS_ORIGINS: pages.origin,
      STORAGE_POLICIES: '{"files": {"arrival": "incoming", "images": [128]}}',
    });
    pages.token = service.token;
  });
  beforeEach(async () => {
    for (const { file_url } of await stored()) {
      await ask(service, file_url.split("/files/")[1], undefined, "DELETE");
    }
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
    pages.close();
  });

  /** Stores pictures of these names, one after the other. */
  async function store(...names: ReadonlyArray<string>) {
    for (const filename of names) {
      const { receipt } = await upload(service, { filename, content_type: "image/png" }, PNG);
      await ask(service, "confirm", { receipt });
    }
  }

  const stored = async () => (await answerOf(service, "../files", undefined, "GET")).body.files;

  const modules = (framework: Framework) => ({
    "uploads.css": component("uploads.css"),
    "files.css": component("files.css"),
    [`Uploads.${framework}`]: component(`Uploads.${framework}`),
    [`Files.${framework}`]: component(`Files.${framework}`),
    [`Attachments.${framework}`]:
      snippets.get(`Attachments.${framework}`) ?? component(`Attachments.${framework}`),
    "valetkey.ts": (snippets.get("valetkey.ts") ?? "").replace(
      "https://uploads.example.com",
      service.address,
    ),
  });
  const urls: Partial<Record<Framework, Promise<string>>> = {};

  /** Opens the page, whose list has two files a page; `prepare` comes before. */
  async function open(
    framework: Framework,
    options: BrowserContextOptions = {},
    list: (route: Route) => unknown = (route) =>
      route.continue({ url: `${route.request().url()}&limit=2` }),
  ) {
    urls[framework] ??= pages.add({
      [`files-${framework}.ts`]: MOUNTS[framework],
      ...modules(framework),
    });
    const page = await browser.newPage(options);
    const complaints = complaintsOf(page);
    await page.route("**/acme/files?*", list);
    await page.goto(await urls[framework]);
    const files = page.locator(".files");
    const names = () => files.locator("bdi").allInnerTexts();
    const button = (name: string) => files.getByRole("button", { name, exact: true });
    const focused = () =>
      page.evaluate(() => {
        const { activeElement: element } = document;
        return element?.getAttribute("aria-label") ?? element?.textContent?.trim();
      });
    const spoken = () => files.locator(".spoken").innerText();
    return { page, complaints, files, names, button, focused, spoken };
  }

  describe.each(FRAMEWORKS)("%s", (framework) => {
    it("files are shown with their names and pictures, and what is uploaded comes on top", async () => {
      await store("a.png");
      const { page, complaints, files, names, spoken } = await open(framework);
      await eventually(names).toEqual(["a.png"]);
      const pictureOf = (name: string) => ({ name, mimeType: "image/png", buffer: PNG });
      await page.locator("input").setInputFiles([pictureOf("b.png"), pictureOf("c.png")]);
      await eventually(async () => (await names()).toSorted()).toEqual(["a.png", "b.png", "c.png"]);
      expect((await names())[2]).toBe("a.png");
      await eventually(spoken).toBe("Files: 3");
      const shown = () =>
        files
          .locator("img")
          .evaluateAll((all) => all.map((image) => (image as HTMLImageElement).naturalWidth));
      await eventually(shown).toEqual([1, 1, 1]);
      const today = new Date().toLocaleDateString("en", { dateStyle: "medium" });
      expect(await files.locator("li p").allInnerTexts()).toEqual(
        Array(3).fill(`${PNG.length} B\n${today}`),
      );
      expect(complaints).toEqual([]);
      await page.close();
    });

    it("a file is opened in a tab that cannot reach the page, and its link is copied", async () => {
      await store("a.png");
      const { page, button, files, spoken } = await open(framework, {
        permissions: ["clipboard-read", "clipboard-write"],
      });
      const opened = page.waitForEvent("popup");
      await button("Open in a new tab: a.png").click();
      const tab = await opened;
      await tab.waitForURL(/\/store\/.*\.png\?/);
      expect(await tab.evaluate(() => [opener, document.images[0]?.naturalWidth])).toEqual([
        null,
        1,
      ]);
      await button("Copy the link for members: a.png").click();
      await eventually(spoken).toBe("a.png: Link copied");
      expect(await files.locator("li p").innerText()).toBe("Link copied");
      expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(
        /\/api\/v1\/orgs\/acme\/files\/.*\.png$/,
      );
      await page.close();
    });

    it("files are removed by the keyboard alone, after a question, and the focus stays near", async () => {
      await store("a.png", "b.png");
      const { page, names, button, files, focused, spoken } = await open(framework);
      await eventually(async () => (await names()).toSorted()).toEqual(["a.png", "b.png"]);
      const [first, second] = await names();
      await button(`Remove ${first}`).focus();
      await page.keyboard.press("Enter");
      await eventually(focused).toBe(`Keep ${first}`);
      expect(await files.getByRole("group").getAttribute("aria-label")).toBe(
        "Remove this file for good?",
      );
      for (const key of ["Escape", "Enter"]) {
        await page.keyboard.press(key);
        await eventually(focused).toBe(`Remove ${first}`);
        expect(await files.getByRole("group").count()).toBe(0);
        await page.keyboard.press("Enter");
        await eventually(focused).toBe(`Keep ${first}`);
      }
      for (const next of [`Remove ${second}`, "Files"]) {
        await page.keyboard.press("Shift+Tab");
        await page.keyboard.press("Enter");
        await eventually(focused).toBe(next);
        await page.keyboard.press("Enter");
      }
      await files.getByText("No files yet").waitFor();
      expect(await spoken()).toBe(`${second}: Removed`);
      await eventually(stored).toEqual([]);
      await page.close();
    });

    it("a file that is not removed comes back, and a picture that fails is asked for once", async () => {
      await store("a.png");
      const { page, files, button, names } = await open(framework);
      await button("Remove a.png").waitFor();
      await page.route("**/*.png", (route) =>
        isRemoval(route) ? route.fulfill(REFUSED) : route.continue(),
      );
      await button("Remove a.png").click();
      await button("Remove a.png").and(files.locator(".confirm")).click();
      await files.locator("li p", { hasText: "The file could not be removed." }).waitFor();
      expect(await names()).toEqual(["a.png"]);
      let asked = 0;
      await page.route("**/*.png?width=128", (route) => {
        asked += 1;
        return route.fulfill({ json: { url: `${service.address}/gone.png`, expires_at: "" } });
      });
      await files.locator("img").dispatchEvent("error");
      await files.locator("li i").waitFor();
      await eventually(() => asked).toBe(1);
      await eventually(() => files.locator("img").count()).toBe(0);
      await page.close();
    });

    it("a list that fails is tried again, more files are shown, and the focus goes to them", async () => {
      await store("a.png", "b.png", "c.png");
      let isDown = true;
      const { page, files, names, button, focused, spoken } = await open(framework, {}, (route) =>
        isDown
          ? route.fulfill(REFUSED)
          : route.continue({ url: `${route.request().url()}&limit=2` }),
      );
      await files.getByText("The files could not be loaded.").first().waitFor();
      isDown = false;
      await button("Try again").focus();
      await page.keyboard.press("Enter");
      await eventually(async () => (await names()).length).toBe(2);
      const [first] = await names();
      await eventually(focused).toBe(`Open in a new tab: ${first}`);
      await button("Show more").focus();
      await page.keyboard.press("Enter");
      await eventually(async () => (await names()).toSorted()).toEqual(["a.png", "b.png", "c.png"]);
      await eventually(focused).toBe(`Open in a new tab: ${(await names())[2]}`);
      expect([await button("Show more").count(), await spoken()]).toEqual([0, "Files: 3"]);
      await page.close();
    });

    it("a list that goes ends what it loads", async () => {
      const asked = Promise.withResolvers<void>();
      const { page } = await open(framework, {}, () => asked.resolve());
      await asked.promise;
      const ended = page.waitForEvent("requestfailed", (request) =>
        request.url().includes("/files?"),
      );
      await page.evaluate("leave()");
      expect((await ended).failure()?.errorText).toBe("net::ERR_ABORTED");
      await page.close();
    });

    it.each(["light", "dark"] as const)(
      "axe finds nothing in the %s theme on a phone, and buttons are large enough",
      async (colorScheme) => {
        const phone = { width: 340, height: 640 };
        const options = { colorScheme, viewport: phone, hasTouch: true, isMobile: true };
        const { page, files, button } = await open(framework, {
          ...options,
          reducedMotion: "reduce",
        });
        await files.getByText("No files yet").waitFor();
        expect(await findingsIn(page)).toEqual([]);
        const long = `${"long".repeat(40)}.png`;
        await store("a.png", long, "c.png");
        await page.reload();
        await button("Show more").waitFor();
        await page.route("**/*.png", (route) =>
          isRemoval(route) ? route.fulfill(REFUSED) : route.continue(),
        );
        const remove = files.locator(".remove");
        await remove.first().click();
        await files.locator(".confirm").click();
        await files.locator("li.failed").waitFor();
        await remove.last().click();
        expect(await findingsIn(page)).toEqual([]);
        for (const each of await files.locator("button:not(.open)").all()) {
          const { width = 0, height = 0 } = (await each.boundingBox()) ?? {};
          expect(Math.min(width, height)).toBeGreaterThanOrEqual(44);
        }
        const overflow = "document.documentElement.scrollWidth - innerWidth";
        expect(await page.evaluate(overflow)).toBeLessThanOrEqual(0);
        await page.close();
      },
    );
  });

  it.each(FRAMEWORKS)("Attachments.%s compiles with the strictest settings", async (framework) => {
    await pages.add({ "nothing.ts": "export {};", ...modules(framework) });
    expect(await pages.compile(`Attachments.${framework}`)).toBe("");
  });
});
