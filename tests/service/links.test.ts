import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { tokensOf } from "../../adapters/tokens/tokens.ts";
import { runToEnd, startProcess } from "../support/service-process.ts";
import { storeFile } from "../support/store-file.ts";
import { until } from "../support/until.ts";
import { TOKEN_KEY } from "../http/service.ts";
import { receiptKey } from "../support/receipt-key.ts";

const KEY = "orgs/org_1/files/2026/11/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png";

/** What a link says that ends at `x`, and was made at `i` under the policy `p`. */
const content = (x: number, { p = "files", i = Date.now() } = {}) =>
  JSON.stringify({ k: KEY, n: "a.png", t: "image/png", p, i, x });

it("a link is revoked by its last part, and is never logged", async () => {
  const env = {
    RECEIPT_KEYS: `test:${receiptKey("test").toString("base64")}`,
    LOG_FORMAT: "json",
    STORAGE_POLICIES: JSON.stringify({ files: { link_lifetime: "365 days" } }),
  };
  const { seal } = tokensOf([TOKEN_KEY]);
  const token = seal("link", content(Date.now() + 600_000));
  const mac = token.split(".").at(-1) ?? "";
  for (const [more, status] of [
    [{}, 302],
    [{ LINKS_DENIED: mac }, 404],
  ] as const) {
    const service = await startProcess({ ...env, ...more });
    await storeFile(service.directory, KEY);
    const answer = await fetch(`${service.address}/f/${token}`, { redirect: "manual" });
    const requestId = answer.headers.get("x-request-id");
    for (const path of ["/F/", "//f/", "/f%2f"]) await fetch(`${service.address}${path}${token}`);
    await service.stop();
    expect(answer.status).toBe(status);
    expect(service.output()).toContain("/f/…");
    const opened = service
      .output()
      .split("\n")
      .find((line) => line.includes('"link opened"'));
    expect(JSON.parse(opened ?? "{}")).toEqual(
      status === 404
        ? {}
        : expect.objectContaining({
            level: "info",
            requestId,
            address: "127.0.0.1",
            key: KEY,
            policy: "files",
          }),
    );
    expect(service.output()).not.toContain(mac);
  }
});

const endOf = (link: string) => link.split(".").at(-1) ?? "";

it("a link is revoked while the service runs, if LINKS_DENIED is a file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "valetkey-denied-"));
  const path = join(folder, "denied.json");
  const { seal } = tokensOf([TOKEN_KEY]);
  const [token, other] = [600_000, 600_001].map((left) =>
    seal("link", content(Date.now() + left)),
  ) as [string, string];
  writeFileSync(path, "[]");
  const service = await startProcess({
    RECEIPT_KEYS: `test:${receiptKey("test").toString("base64")}`,
    LOG_FORMAT: "json",
    STORAGE_POLICIES: JSON.stringify({ files: { link_lifetime: "365 days" } }),
    LINKS_DENIED: path,
  });
  await storeFile(service.directory, KEY);
  try {
    const follow = async (link: string) =>
      (await fetch(`${service.address}/f/${link}`, { redirect: "manual" })).status;
    expect(await follow(token)).toBe(302);
    writeFileSync(path, JSON.stringify([endOf(token)]));
    await until("the link's end", async () => (await follow(token)) === 404);
    expect(await follow(other)).toBe(302);
    // What cannot be read leaves the last list.
    writeFileSync(path, `["${endOf(other)}`);
    await until("the refusal", () =>
      service.output().includes("LINKS_DENIED names a file that is not JSON"),
    );
    expect(service.output()).not.toContain(endOf(other));
    expect([await follow(token), await follow(other)]).toEqual([404, 302]);
    writeFileSync(path, JSON.stringify([endOf(other)]));
    await until("the end of the other", async () => (await follow(other)) === 404);
    expect(await follow(token)).toBe(302);
  } finally {
    await service.stop();
    rmSync(folder, { recursive: true });
  }
});

it.each([
  ["is not there", undefined, "cannot be read (ENOENT)"],
  ["is no list of links", '["secret-but-no-link"]', "has a fault: /0"],
])("the service does not start with a file of links that %s", async (_, text, problem) => {
  const folder = mkdtempSync(join(tmpdir(), "valetkey-denied-"));
  const path = join(folder, "denied.json");
  if (text !== undefined) writeFileSync(path, text);
  const { code, output } = await runToEnd({ LINKS_DENIED: path });
  rmSync(folder, { recursive: true });
  expect(code).toBe(78);
  expect(output).toContain(`LINKS_DENIED names a file that ${problem}`);
  expect(output).not.toContain("secret");
});
