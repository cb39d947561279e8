import { expect, it } from "vitest";
import { tokensOf } from "../../adapters/tokens/tokens.ts";
import { startProcess } from "../support/service-process.ts";
import { storeFile } from "../support/store-file.ts";
import { TOKEN_KEY } from "../http/service.ts";
import { receiptKey } from "../support/receipt-key.ts";

const KEY = "orgs/org_1/files/2026/11/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png";

it("a link is revoked by its last part, and is never logged", async () => {
  const env = {
    RECEIPT_KEYS: `test:${receiptKey("test").toString("base64")}`,
    LOG_FORMAT: "json",
    STORAGE_POLICIES: JSON.stringify({ files: { link_lifetime: "365 days" } }),
  };
  const { seal } = tokensOf([TOKEN_KEY]);
  const [i, x] = [Date.now(), Date.now() + 600_000];
  const file = { k: KEY, n: "a.png", t: "image/png", p: "files" };
  const token = seal("link", JSON.stringify({ ...file, i, x }));
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
