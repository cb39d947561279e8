import type { Page } from "playwright-core";
import { expect } from "vitest";
import { POINT } from "./guest.ts";

/**
 * Does what a person does first on the page of a starter: signs in, adds a picture, which is then in
 * the list of files, also of the next page.
 */
export async function uploadPicture(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Sign in as ann" }).click();
  // The list learns from the policy what it accepts.
  await page.getByText(/^Up to \d/).waitFor();
  await page.locator(".uploads input").first().setInputFiles(PICTURE);
  await page.locator(".uploads li", { hasText: PICTURE.name }).getByText("Uploaded").waitFor();
  await fileIn(page).waitFor();
  // What a screen reader is told.
  const files = await page.locator(".files li").count();
  await expect.poll(() => page.locator(".files .spoken").innerText()).toBe(`Files: ${files}`);
}

/** Sees the picture that was uploaded on a page of its own, and removes it for good. */
export async function removePicture(page: Page): Promise<void> {
  await page.reload();
  // Its thumbnail is a picture that the browser can show.
  const width = () =>
    fileIn(page)
      .locator("img")
      .evaluate((image) => (image as HTMLImageElement).naturalWidth);
  await expect.poll(width).toBe(1);
  await fileIn(page)
    .getByRole("button", { name: /^Remove/ })
    .click();
  const removed = page.waitForResponse((answer) => answer.request().method() === "DELETE");
  await fileIn(page).locator(".confirm").click();
  await fileIn(page).waitFor({ state: "detached" });
  // The row goes before the file does.
  expect((await removed).status()).toBe(204);
  await page.reload();
  await page.locator(".files.end").waitFor();
  expect(await fileIn(page).count()).toBe(0);
}

const fileIn = (page: Page) => page.locator(".files li", { hasText: PICTURE.name });

const PICTURE = { name: "point.png", mimeType: "image/png", buffer: POINT };
