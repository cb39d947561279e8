import { expect, it } from "vitest";
import { ask } from "../support/ask.ts";
import { type Fault, startFaultyServer } from "../support/faulty-server.ts";
import { startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { atTestEnd } from "../support/at-test-end.ts";

const hang: Fault = () => undefined;

/** Has 500 confirms ask a service at once; nothing where it left the store alone before all had asked. */
async function startConfirms() {
  const store = await startFaultyServer(new URL("http://127.0.0.1:9"));
  atTestEnd(store.close);
  store.state.fault = hang;
  const service = await startProcess({
    STORAGE_ADAPTER: "minio",
    STORAGE_ENDPOINT: store.url.href,
    STORAGE_REGION: "us-east-1",
    STORAGE_ACCESS_KEY: "an-access-key",
    STORAGE_SECRET_KEY: "a-secret-key",
  });
  const presign = () =>
    ask(service, "presign", { filename: "a.png", content_type: "image/png", size: 5 });
  const { receipt } = await (await presign()).json();
  const heads = () => store.state.arrived.filter((name) => name === "HEAD object").length;

  const codes: Array<string> = [];
  const confirms = Array.from({ length: 500 }, async () => {
    const answer = await ask(service, "confirm", { receipt });
    codes.push(`${answer.status} ${(await answer.json()).code}`);
  });
  // 64 are under way, and 256 wait; the others are refused.
  await until("the refusals", () => codes.length >= (heads() < 64 ? 500 : 180));
  if (heads() === 64) return { service, receipt, presign, heads, codes, confirms };
  await Promise.all(confirms);
  await service.stop();
  return undefined;
}

it("500 confirms that wait for a store which hangs keep no presign from its answer", async () => {
  const started = await until("64 confirms that ask the store", startConfirms);
  const { service, receipt, presign, heads, codes, confirms } = started;
  const presigned = await Promise.all(Array.from({ length: 200 }, presign));
  expect(new Set(presigned.map(({ status }) => status))).toEqual(new Set([200]));
  await Promise.all(confirms);
  expect(new Set(codes)).toEqual(new Set(["503 STORE_UNAVAILABLE"]));

  // By now the store is left alone, and asked by one confirm a second at most.
  const before = heads();
  const since = performance.now();
  await Promise.all(Array.from({ length: 200 }, () => ask(service, "confirm", { receipt })));
  const seconds = Math.ceil((performance.now() - since) / 1000);
  expect(heads() - before).toBeLessThanOrEqual(seconds);
  expect((await presign()).status).toBe(200);
});
