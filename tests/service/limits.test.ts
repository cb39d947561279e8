import { expect, it } from "vitest";
import { startProcess } from "../support/service-process.ts";
import { receiptKey } from "../support/receipt-key.ts";

it("a service that others reach warns if it has no limits, and not if it has one", async () => {
  const env = {
    AUTH: "forward",
    FORWARD_AUTH_TRUSTED: "127.0.0.1",
    RECEIPT_KEYS: `test:${receiptKey("test").toString("base64")}`,
  };
  const outputs = [];
  for (const limit of [{}, { LIMIT_OBJECTS_PER_DAY: "10" }]) {
    const service = await startProcess({ ...env, ...limit });
    await service.stop();
    outputs.push(service.output().includes("no limits are configured"));
  }
  expect(outputs).toEqual([true, false]);
});
