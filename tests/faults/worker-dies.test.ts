import { expect, it } from "vitest";
import { startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { workersOf } from "../support/workers.ts";
import { endure } from "./endure.ts";

it("a worker that dies under load loses no upload and answers nothing wrong", async () => {
  const service = await startProcess({ WEB_CONCURRENCY: "2" });
  await until("both workers", () => service.output().includes('"message":"ready"'));
  const [first = 0] = workersOf(service);
  await endure(() => service, {
    name: "a worker dies under load",
    begin: () => process.kill(first, "SIGKILL"),
    end: () =>
      until("another worker", () => {
        const workers = workersOf(service);
        return workers.length === 2 && !workers.includes(first);
      }),
    // Only a request that it had accepted has no answer.
    allowed: Object.fromEntries(
      ["presign", "put", "confirm", "start", "sign", "part", "complete"].map((step) => [
        step,
        ["200", "none"],
      ]),
    ),
    answers: { confirm: 20, complete: 10 },
  });
  expect(await service.stop()).toBe(0);
});
