import type { Page } from "playwright-core";

/** Does what a person does first on the page of a starter: signs in, and adds a picture. */
export async function uploadPicture(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Sign in as ann" }).click();
  // The list learns from the policy what it accepts.
  await page.getByText(/^Up to \d/).waitFor();
  await page.locator(".uploads input").first().setInputFiles(PICTURE);
  await page.locator(".uploads li", { hasText: PICTURE.name }).getByText("Uploaded").waitFor();
}

/** One grey point, which a browser shows. */
const PICTURE = {
  name: "point.png",
  mimeType: "image/png",
  buffer: Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==",
    "base64",
  ),
};
