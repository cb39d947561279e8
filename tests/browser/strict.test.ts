import { expect, it } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { need } from "../support/need.ts";
import { startProcess } from "../support/service-process.ts";

const executablePath = await need("chromium");
const minio = await need("minio");

it.skipIf(executablePath === undefined || minio === undefined)(
  "a strict upload from a page in Chromium is confirmed, despite the headers that Chromium adds",
  async () => {
    const service = await startProcess({
      STORAGE_ADAPTER: "minio",
      STORAGE_BUCKET: `strict-${crypto.randomUUID()}`,
      STORAGE_CREATE_BUCKET: "on",
      STORAGE_ENDPOINT: minio?.endpoint ?? "",
      STORAGE_ACCESS_KEY: minio?.accessKey ?? "",
      STORAGE_SECRET_KEY: minio?.secretKey ?? "",
    });
    // The first readiness check creates the bucket.
    await fetch(`${service.address}/readyz`);
    const browser = await launchChromium(executablePath);
    const page = await browser.newPage();
    await page.goto(service.address);
    const outcome = await page.evaluate(async (token) => {
      const ask = (action: string, body: unknown) =>
        fetch(`/api/v1/orgs/acme/files/${action}`, {
          method: "POST",
          headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
          body: JSON.stringify(body),
        });
      const asked = { filename: "a.png", content_type: "image/png", size: 5, strict: true };
      const { put_url, put_headers, receipt } = await (await ask("presign", asked)).json();
      const put = await fetch(put_url, { method: "PUT", headers: put_headers, body: "bytes" });
      const confirm = await ask("confirm", { receipt });
      return { put: put.status, confirm: confirm.status, said: await confirm.json() };
    }, service.token);
    expect(outcome).toMatchObject({ put: 200, confirm: 200, said: { final: true } });
    await browser.close();
    await service.stop();
  },
);
