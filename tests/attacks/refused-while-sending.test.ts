import { afterAll, beforeAll, expect, it } from "vitest";
import { send } from "../../adapters/storage/contract/send.ts";
import { startProcess, type ServiceProcess } from "../support/service-process.ts";

let service: ServiceProcess;
beforeAll(async () => {
  service = await startProcess();
});
afterAll(() => service.stop());

// A client that gets only "connection reset" cannot tell a person what is wrong.
it.each([20_000, 900_000])("a refusal reaches a client that is sending %d bytes", async (size) => {
  const path = `${service.address}/api/v1/orgs/acme/files/presign`;
  const headers = { "Content-Type": "application/json" };
  const unknown = await send("POST", path, { headers, body: "x".repeat(size) });
  expect(unknown.status).toBe(401);
  const authorization = { Authorization: `Bearer ${service.token}` };
  const large = await send("POST", path, {
    headers: { ...headers, ...authorization },
    body: "x".repeat(size),
  });
  expect(large.status).toBe(413);
});
