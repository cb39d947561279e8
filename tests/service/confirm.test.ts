import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ask, upload } from "../support/ask.ts";
import { startProcess } from "../support/service-process.ts";

it("a receipt outlives a restart, since the service makes its key only once", async () => {
  const first = await startProcess();
  const { receipt } = await upload(first);
  const second = await startProcess({ STORAGE_LOCAL_DIR: first.directory });
  expect((await ask(second, "confirm", { receipt })).status).toBe(200);
  expect(statSync(join(first.directory, "receipt-key")).mode & 0o777).toBe(0o600);
  await second.stop();
  await first.stop();
});
