import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { openFolder } from "../../adapters/storage/local/folder.ts";

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "valetkey-folder-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

it("the embedded store keeps its secret, which URLs that were signed need, and takes no part of one", async () => {
  const folder = newFolder();
  const [{ secretKey }, atOnce] = await Promise.all([openFolder(folder), openFolder(newFolder())]);
  expect(Buffer.from(secretKey, "base64")).toHaveLength(32);
  expect((await openFolder(folder)).secretKey).toBe(secretKey);
  expect(atOnce.secretKey).not.toBe(secretKey);
  expect(statSync(join(folder, "secret")).mode & 0o777).toBe(0o600);
  writeFileSync(join(folder, "secret"), secretKey.slice(1));
  await expect(openFolder(folder)).rejects.toThrow(/secret is damaged; remove it/);
});
