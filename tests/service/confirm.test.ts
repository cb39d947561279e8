import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { startProcess } from "../support/service-process.ts";
import { receiptKey } from "../support/receipt-key.ts";

const closing: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A service of its own, with its embedded store, and one upload of it. */
async function start(env: Readonly<Record<string, string>> = {}) {
  const service = await startProcess(env);
  closing.push(service.stop);
  const post = async (name: string, body: unknown, token = service.token, slug = "acme") => {
    const answer = await fetch(`${service.address}/api/v1/orgs/${slug}/files/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    return { status: answer.status, headers: answer.headers, body: await answer.json() };
  };
  const granted = await post("presign", {
    filename: "a.png",
    content_type: "image/png",
    size: 5,
  });
  const upload = () =>
    fetch(granted.body.put_url, {
      method: "PUT",
      headers: granted.body.put_headers,
      body: "bytes",
    });
  return { service, post, granted: granted.body, upload };
}

it("an upload is confirmed by its receipt: 409 before, 200 after, and 404 to others", async () => {
  const { service, post, granted, upload } = await start();
  const { receipt, key } = granted;
  const before = await post("confirm", { receipt });
  expect([before.status, before.body.code]).toEqual([409, "UPLOAD_INCOMPLETE"]);
  await upload();
  const { status, body } = await post("confirm", { receipt });
  expect(status).toBe(200);
  expect(body).toMatchObject({ key, size: 5, content_type: "image/png", final: false });
  expect(Date.parse(body.mutable_until)).toBe(Date.parse(granted.put_expires_at) + 3_600_000);
  expect(await (await fetch(body.get_url)).text()).toBe("bytes");
  expect((await post("confirm", { receipt }, service.serviceToken)).status).toBe(200);
  const elsewhere = await post("confirm", { receipt }, service.token, "globex");
  expect([elsewhere.status, elsewhere.body.code]).toEqual([404, "NOT_FOUND"]);
});

it("a receipt outlives a restart, since the service makes its key only once", async () => {
  const directory = mkdtempSync(join(tmpdir(), "valetkey-receipts-"));
  closing.push(async () => rmSync(directory, { recursive: true }));
  const first = await start({ STORAGE_LOCAL_DIR: directory });
  await first.upload();
  const second = await start({ STORAGE_LOCAL_DIR: directory });
  const { receipt } = first.granted;
  expect((await second.post("confirm", { receipt })).status).toBe(200);
  expect(statSync(join(directory, "receipt-key")).mode & 0o777).toBe(0o600);
});

it("receipt keys can be rotated in the configuration", async () => {
  const [old, fresh] = ["old", "fresh"].map((name) => receiptKey(name).toString("base64"));
  const directory = mkdtempSync(join(tmpdir(), "valetkey-receipts-"));
  closing.push(async () => rmSync(directory, { recursive: true }));
  const env = { STORAGE_LOCAL_DIR: directory };
  const before = await start({ ...env, RECEIPT_KEYS: `old:${old}` });
  await before.upload();
  const { receipt } = before.granted;
  const during = await start({ ...env, RECEIPT_KEYS: `fresh:${fresh},old:${old}` });
  expect((await during.post("confirm", { receipt })).status).toBe(200);
  const after = await start({ ...env, RECEIPT_KEYS: `fresh:${fresh}` });
  const refused = await after.post("confirm", { receipt });
  expect([refused.status, refused.body.code]).toEqual([400, "INVALID_RECEIPT"]);
});
