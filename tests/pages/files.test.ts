import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { need } from "../support/need.ts";
import { snippetsOf } from "../support/snippets.ts";
import { type Pages, startPages } from "./project.ts";

// The lists of files of docs/client/frameworks.md, beside the uploads that they show.

await need("chromium");
const snippets = snippetsOf("docs/client/frameworks.md");
const component = (name: string) =>
  readFileSync(new URL(`../../deploy/examples/components/${name}`, import.meta.url), "utf8");

describe("lists of files", () => {
  let pages: Pages;
  beforeAll(async () => void (pages = await startPages()));
  afterAll(() => pages.close());

  it.each(["tsx", "vue", "svelte"])(
    "Attachments.%s compiles with the strictest settings",
    async (framework) => {
      await pages.add({
        "nothing.ts": "export {};",
        "uploads.css": component("uploads.css"),
        "files.css": component("files.css"),
        [`Uploads.${framework}`]: component(`Uploads.${framework}`),
        [`Files.${framework}`]: component(`Files.${framework}`),
        [`Attachments.${framework}`]: snippets.get(`Attachments.${framework}`) ?? "",
      });
      expect(await pages.compile(`Attachments.${framework}`)).toBe("");
    },
  );
});
