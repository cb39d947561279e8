import { expect, it } from "vitest";
import { ask } from "../support/ask.ts";
import { type Fault, startFaultyServer } from "../support/faulty-server.ts";
import { startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { atTestEnd } from "../support/at-test-end.ts";

const hang: Fault = () => undefined;

it("500 confirms that wait for a store which hangs keep no presign from its answer", async () => {
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
  await until("the refusals", () => codes.length >= 180 && heads() >= 64);
  expect(heads()).toBe(64);
  const presigned = await Promise.all(Array.from({ length: 200 }, presign));
  expect(new Set(presigned.map(({ status }) => status))).toEqual(new Set([200]));
  await Promise.all(confirms);
  expect(new Set(codes)).toEqual(new Set(["503 STORE_UNAVAILABLE"]));

  // By now the store is left alone, and asked by one confirm a second at most.
  const before = heads();
  await Promise.all(Array.from({ length: 200 }, () => ask(service, "confirm", { receipt })));
  expect(heads() - before).toBeLessThanOrEqual(1);
  expect((await presign()).status).toBe(200);
});
