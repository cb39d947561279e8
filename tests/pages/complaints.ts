import type { Page } from "playwright-core";

/**
 * What goes wrong in a page, but for what its client tries again: the answers of a busy machine, and
 * connections that Chromium drops when a network of Docker comes or goes.
 */
export function complaintsOf(page: Page): ReadonlyArray<string> {
  const complaints: Array<string> = [];
  page.on("pageerror", ({ message }) => complaints.push(message));
  page.on("console", (said) => {
    const text = said.text();
    if (said.type() === "error" && !TRIED_AGAIN.test(text)) complaints.push(text);
  });
  return complaints;
}

const TRIED_AGAIN = /ERR_NETWORK_CHANGED|status of 503/;
