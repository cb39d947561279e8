import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { isFullRun } from "../support/full-run.ts";
import { need } from "../support/need.ts";
import { startProcess } from "../support/service-process.ts";

const executablePath = await need("chromium");
const minio = await need("minio");

const onMinio = {
  STORAGE_ADAPTER: "minio",
  STORAGE_BUCKET: `form-${crypto.randomUUID()}`,
  STORAGE_CREATE_BUCKET: "on",
  STORAGE_ENDPOINT: minio?.endpoint ?? "",
  STORAGE_ACCESS_KEY: minio?.accessKey ?? "",
  STORAGE_SECRET_KEY: minio?.secretKey ?? "",
};

const escape = (text: string) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");

it.skipIf(executablePath === undefined || minio === undefined).each([
  { store: "the embedded store", settings: {} },
  // The contract posts such a form to each store.
  ...(isFullRun ? [{ store: "MinIO", settings: onMinio }] : []),
])(
  "a plain HTML form on a page of another origin, without any script, uploads to $store",
  async ({ settings }) => {
    const service = await startProcess(settings);
    // The first readiness check creates the bucket.
    await fetch(`${service.address}/readyz`);
    const ask = async (action: string, body: unknown) =>
      (
        await fetch(`${service.address}/api/v1/orgs/acme/files/${action}`, {
          method: "POST",
          headers: {
            "Content-Type": "application/json",
            Authorization: `Bearer ${service.token}`,
          },
          body: JSON.stringify(body),
        })
      ).json();
    const asked = { filename: "a.png", content_type: "image/png", method: "form" };
    const { form, receipt } = await ask("presign", asked);

    // The page of an application, as its server writes it.
    const inputs = Object.entries<string>(form.fields).map(
      ([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`,
    );
    const html = `<!doctype html><form action="${escape(form.url)}" method="post" enctype="multipart/form-data" target="sent">
${inputs.join("\n")}<input type="file" name="file"><button>Upload</button></form><iframe name="sent"></iframe>`;
    const app = createServer((_, response) =>
      response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(html),
    );
    app.listen(0, "127.0.0.1");
    await once(app, "listening");
    const browser = await launchChromium(executablePath);
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${(app.address() as AddressInfo).port}`);
    const file = { name: "é.txt", mimeType: "text/plain", buffer: Buffer.from("some bytes") };
    await page.setInputFiles("input[type=file]", file);
    const answered = page.waitForResponse(form.url);
    await page.click("button");
    expect((await answered).status()).toBe(201);

    const confirmed = await ask("confirm", { receipt });
    expect(confirmed).toMatchObject({ size: 10, content_type: "image/png", final: false });
    const shown = await fetch(confirmed.get_url);
    expect([shown.headers.get("content-type"), await shown.text()]).toEqual([
      "image/png",
      "some bytes",
    ]);
    await browser.close();
    app.close();
    await service.stop();
  },
);
