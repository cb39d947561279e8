import { expect, it } from "vitest";
import { startProcess } from "../support/service-process.ts";
import { PRESIGN } from "../http/service.ts";

it("a refused origin is logged once, and at most 100 origins are", async () => {
  const service = await startProcess({ LOG_FORMAT: "json" });
  const ask = (Origin: string, method = "POST") =>
    fetch(`${service.address}${PRESIGN}`, { method, headers: { Origin } });
  await ask("https://other.example.com", "OPTIONS");
  await ask("https://other.example.com");
  await ask(service.address);
  for (let i = 0; i < 150; i++) await ask(`https://${i}.example.com`);
  await service.stop();
  const told = service
    .output()
    .split("\n")
    .filter((line) => line.includes("a request from another origin is not allowed"))
    .map((line) => JSON.parse(line));
  expect(told).toHaveLength(100);
  expect(told[0]).toMatchObject({ level: "warn", origin: "https://other.example.com" });
  expect(new Set(told.map(({ origin }) => origin)).size).toBe(100);
});
