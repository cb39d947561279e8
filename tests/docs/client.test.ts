import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { UploadError, type UploadErrorCode } from "../../adapters/client/errors.ts";
import { snippetsOf } from "../support/snippets.ts";

// The sentences of docs/client.md for people who read German.

const [, errors = ""] = readFileSync(
  new URL("../../docs/client.md", import.meta.url),
  "utf8",
).split("## Errors");
const code = snippetsOf("docs/client.md").get("words.js") ?? "";
const { words, sentence } = new Function(`${code} return { words, sentence };`)();
const codes = [...errors.matchAll(/^- `([a-z-]+)`/gm)].map(([, code = ""]) => code);
const failed = (code: string, problem?: object) =>
  sentence(new UploadError(code as UploadErrorCode, "", { problem }));

it("the page has sentences for codes that there are, and one for all others", () => {
  expect(codes).toEqual(expect.arrayContaining(Object.keys(words)));
  for (const code of codes) expect(failed(code)).toMatch(/\w\.$/);
});

it("a sentence of the page says what is allowed in people's words", () => {
  expect(failed("refused", { limit: 10 * 2 ** 20 })).toMatch(/^Höchstens 10 MiB\.$/);
  expect(failed("refused", { allowed: ["image/png", "image/webp"] })).toBe(
    "Nicht erlaubt, nur image/png, image/webp.",
  );
});
