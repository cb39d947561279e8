import { createHash, randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { createClient } from "../../adapters/client/client.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { need } from "../support/need.ts";
import { startProcess } from "../support/service-process.ts";
import { accountSas } from "./signature.ts";

const azurite = await need("azuriteInMemory");

it.skipIf(azurite === undefined).each([
  ["a file of one PUT", 4_000_000],
  ["a file in parts", 8_000_000],
])("%s reaches Azure over a line that is reset every 1 to 2.5 MB", async (_, size) => {
  const { account = "", key = "", endpoint = "" } = azurite ?? {};
  const { port, pathname } = new URL(endpoint);
  const proxy = await startCuttingProxy(() => Number(port));
  atTestEnd(() => proxy.close());
  const container = `lines-${crypto.randomUUID()}`;
  const query = new URLSearchParams([...accountSas(account, key, Date.now())]);
  const made = await fetch(`${endpoint}/${container}?restype=container&${query}`, {
    method: "PUT",
  });
  expect(made.status).toBe(201);
  const service = await startProcess({
    STORAGE_ADAPTER: "azure",
    STORAGE_ENDPOINT: endpoint,
    STORAGE_PUBLIC_ENDPOINT: `http://127.0.0.1:${proxy.port}${pathname}`,
    STORAGE_BUCKET: container,
    STORAGE_ACCESS_KEY: account,
    STORAGE_SECRET_KEY: key,
  });
  atTestEnd(() => service.stop());
  proxy.cutEach(lengths());
  const bytes = randomBytes(size);
  const client = createClient({
    endpoint: service.address,
    organization: "acme",
    token: service.token,
  });
  const file = new File([bytes], "film.png", { type: "image/png" });
  const { getUrl } = await client.upload(file);
  proxy.cutEach([]);
  const arrived = await (await fetch(getUrl)).bytes();
  expect(hash(arrived)).toBe(hash(bytes));
  expect(proxy.cuts()).toBeGreaterThan(2);
});

const hash = (content: Uint8Array) => createHash("sha256").update(content).digest("hex");

function* lengths(): Generator<number> {
  for (let count = 0; ; count += 1) yield 1e6 + (count % 4) * 5e5;
}
