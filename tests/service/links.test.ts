import { expect, it } from "vitest";
import { tokensOf } from "../../adapters/tokens/tokens.ts";
import { startProcess } from "../support/service-process.ts";
import { storeFile } from "../support/store-file.ts";
import { TOKEN_KEY } from "../http/service.ts";
import { receiptKey } from "../support/receipt-key.ts";

const KEY = "orgs/org_1/files/2026/11/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png";

it("a link that is followed is in the log with its file, and never with its token", async () => {
  const { seal } = tokensOf([TOKEN_KEY]);
  const [i, x] = [Date.now(), Date.now() + 600_000];
  const file = { k: KEY, n: "a.png", t: "image/png", p: "files" };
  const token = seal("link", JSON.stringify({ ...file, i, x }));
  const service = await startProcess({
    RECEIPT_KEYS: `test:${receiptKey("test").toString("base64")}`,
    LOG_FORMAT: "json",
    STORAGE_POLICIES: JSON.stringify({ files: { link_lifetime: "365 days" } }),
  });
  await storeFile(service.directory, KEY);
  const answer = await fetch(`${service.address}/f/${token}`, { redirect: "manual" });
  expect(answer.status).toBe(302);
  await service.stop();
  const lines = service.output().split("\n");
  const opened = lines.find((line) => line.includes('"link opened"')) ?? "{}";
  const requestId = answer.headers.get("x-request-id");
  const facts = { address: "127.0.0.1", key: KEY, policy: "files" };
  expect(JSON.parse(opened)).toMatchObject({ level: "info", requestId, ...facts });
  expect(service.output()).toContain("/f/…");
  expect(service.output()).not.toContain(token.split(".").at(-1));
});
