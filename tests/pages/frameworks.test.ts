import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Request } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";
import { type Pages, startPages } from "./project.ts";

// The components of docs/client/frameworks.md and deploy/examples, each in a page of another origin than the service.

const executablePath = await need("chromium");
const example = (file: string) =>
  readFileSync(new URL(`../../deploy/examples/${file}`, import.meta.url), "utf8");
const snippets = new Map([
  ...snippetsOf("docs/client/frameworks.md"),
  ["Uploads.vue", example("vue/Uploads.vue")],
  ["Uploads.svelte", example("svelte/Uploads.svelte")],
]);

/** What mounts each, by its file. */
const MOUNTS: ReadonlyMap<string, string> = new Map([
  [
    "Uploads.tsx",
    `import { createElement, StrictMode } from "react";
     import { createRoot } from "react-dom/client";
     import { Uploads } from "./Uploads.tsx";
     const root = createRoot(document.getElementById("uploads")!);
     root.render(createElement(StrictMode, null, createElement(Uploads)));
     Object.assign(window, { leave: () => root.unmount() });`,
  ],
  [
    "Uploads.vue",
    `import { createApp } from "vue";
     import Uploads from "./Uploads.vue";
     const app = createApp(Uploads);
     app.mount("#uploads");
     Object.assign(window, { leave: () => app.unmount() });`,
  ],
  [
    "Uploads.svelte",
    `import { mount, unmount } from "svelte";
     import Uploads from "./Uploads.svelte";
     const app = mount(Uploads, { target: document.getElementById("uploads") });
     Object.assign(window, { leave: () => unmount(app) });`,
  ],
]);

/** Reads again and again: how long a page takes is no promise. */
const eventually = <A>(read: () => A | Promise<A>) => expect.poll(read, { timeout: 30_000 });

const put = ({ put_url, put_headers }: { put_url: string; put_headers: HeadersInit }) =>
  fetch(put_url, { method: "PUT", headers: put_headers, body: "one" });

const isPut = (request: Request) => request.method() === "PUT";

describe.skipIf(executablePath === undefined)("components in Chromium", () => {
  let browser: Browser;
  let pages: Pages;
  let service: ServiceProcess;

  beforeAll(async () => {
    [browser, pages] = await Promise.all([launchChromium(executablePath), startPages()]);
    service = await startProcess({
      CORS_ORIGINS: pages.origin,
      STORAGE_POLICIES: '{"waits": {"arrival": "incoming", "verify_content": false}}',
    });
    pages.token = service.token;
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
    pages.close();
  });

  /** Opens the page of a component; complaints are what it writes into the console. */
  async function open(name: string) {
    const component = snippets.get(name) ?? "";
    const url = await pages.add({
      [`${name.replace(".", "-")}.ts`]: MOUNTS.get(name) ?? "",
      [name]: component.replace("https://uploads.example.com", service.address),
    });
    const page = await browser.newPage();
    const complaints: Array<string> = [];
    page.on("pageerror", ({ message }) => complaints.push(message));
    page.on("console", (said) => said.type() === "error" && complaints.push(said.text()));
    await page.goto(url);
    return { page, complaints };
  }

  it("every component of the guide is tested here", () => {
    const names = [...snippets.keys()].filter((name) => name !== "List.tsx");
    expect(names).toEqual([...MOUNTS.keys()]);
  });

  it("a list for React becomes current when another client uploads and confirms", async () => {
    const files = `${service.address}/api/v1/orgs/acme/files`;
    const ask = async (action: string, body: object) => {
      const headers = {
        Authorization: `Bearer ${service.token}`,
        "Content-Type": "application/json",
      };
      const init = { method: "POST", headers, body: JSON.stringify(body) };
      return (await fetch(`${files}/${action}`, init)).json();
    };
    const asked = { filename: "a.png", content_type: "image/png", size: 3, policy: "waits" };
    const [first, second] = await Promise.all([ask("presign", asked), ask("presign", asked)]);
    await put(second);
    const list = snippets.get("List.tsx") ?? "";
    const url = await pages.add({
      "list-page.ts": `import { createElement, StrictMode } from "react";
        import { createRoot } from "react-dom/client";
        import { List } from "./List.tsx";
        const root = createRoot(document.getElementById("uploads")!);
        const list = createElement(List, { keys: ${JSON.stringify([first.key, second.key])} });
        root.render(createElement(StrictMode, null, list));
        Object.assign(window, { leave: () => root.unmount() });`,
      "List.tsx": list.replace("https://uploads.example.com", service.address),
    });
    const page = await browser.newPage();
    const complaints: Array<string> = [];
    page.on("console", (said) => said.type() === "error" && complaints.push(said.text()));
    await page.clock.install();
    await page.goto(url);
    const rows = async () => {
      await page.clock.runFor(5000);
      return page.locator("li").allInnerTexts();
    };
    await eventually(rows).toEqual(["missing", "waiting"]);
    await ask("confirm", { receipt: second.receipt });
    await eventually(rows).toEqual(["missing", "ready"]);
    await put(first);
    await eventually(rows).toEqual(["waiting", "ready"]);
    await ask("confirm", { receipt: first.receipt });
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
        import { List } from "./List.tsx";
        const root = createRoot(document.getElementById("uploads")!);
        root.render(createElement(List, { keys: ["${key}"] }));
        Object.assign(window, { leave: () => root.unmount() });`,
      "List.tsx": (snippets.get("List.tsx") ?? "").replace(
        "https://uploads.example.com",
        service.address,
      ),
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

  it.each([...MOUNTS.keys()])(
    "%s uploads the files that are chosen, says what is refused, and ends its uploads when it goes",
    async (name) => {
      const { page, complaints } = await open(name);
      await page.locator("input").setInputFiles([
        { name: "a.png", mimeType: "image/png", buffer: Buffer.from("one") },
        { name: "b.html", mimeType: "text/html", buffer: Buffer.from("two") },
      ]);
      const outputs = page.locator("output");
      await eventually(() => outputs.allInnerTexts()).toEqual([
        expect.stringMatching(/^orgs\/acme\/files\/.*\.png$/),
        expect.stringContaining("Files of this type are not accepted"),
      ]);
      expect(
        await page
          .locator("progress")
          .first()
          .evaluate((shown: HTMLProgressElement) => shown.value),
      ).toBe(100);
      expect(complaints.filter((said) => !said.includes("415"))).toEqual([]);
      await page.route("**/store/**", () => undefined);
      const sent = page.waitForRequest(isPut);
      await page
        .locator("input")
        .setInputFiles({ name: "c.png", mimeType: "image/png", buffer: Buffer.from("one") });
      const ended = page.waitForEvent("requestfailed", isPut);
      await sent;
      await page.evaluate("leave()");
      expect((await ended).failure()?.errorText).toBe("net::ERR_ABORTED");
      await page.close();
    },
  );

  it("the components for React and the script of that for Svelte compile", async () => {
    const [, script = ""] =
      /<script lang="ts">(.*)<\/script>/s.exec(snippets.get("Uploads.svelte") ?? "") ?? [];
    const files = {
      "List.tsx": snippets.get("List.tsx") ?? "",
      "Uploads.tsx": snippets.get("Uploads.tsx") ?? "",
      "uploads-svelte.ts": `/// <reference types="svelte" />\n${script}\nexport { add };`,
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(pages.folder, name), text);
    expect(await pages.compile(Object.keys(files))).toBe("");
  });

  it("the hook for React pauses, resumes, retries and removes", async () => {
    const { page } = await open("Uploads.tsx");
    await page.locator('input[accept*="image/png"]').waitFor();
    const button = (name: string) => page.getByRole("button", { name });
    await page.route("**/store/**", () => undefined);
    const first = page.waitForRequest(isPut);
    const ended = page.waitForEvent("requestfailed", isPut);
    await page
      .locator("input")
      .setInputFiles({ name: "a.png", mimeType: "image/png", buffer: Buffer.from("one") });
    await first;
    await button("Pause").click();
    await ended;
    await page.unroute("**/store/**");
    await button("Resume").click();
    await eventually(() => page.locator("output").innerText()).toContain(".png");

    await page.route("**/batch", (route) => route.fulfill({ status: 403, json: {} }));
    await page
      .locator("input")
      .setInputFiles({ name: "b.png", mimeType: "image/png", buffer: Buffer.from("two") });
    await button("Try again").waitFor();
    await page.unroute("**/batch");
    await button("Try again").click();
    await eventually(() => page.locator("output").last().innerText()).toContain(".png");
    expect(await page.locator("li").count()).toBe(2);
    await button("Remove").first().click();
    expect(await page.locator("li").count()).toBe(1);
    await page.close();
  });
});
