import * as DateTime from "effect/DateTime";
import { expect } from "vitest";
import { send } from "../support/send.ts";
import { CONTENT, promise } from "./promise.ts";

const seconds = (count: number) => count * 1000;

promise("a PUT within its lifetime is stored", async ({ signPut, expectStored }) => {
  const { url, headers } = await signPut({ signedAt: Date.now() - seconds(30) });
  expect((await send("PUT", url, { headers, body: CONTENT })).status).toBe(200);
  await expectStored();
});

promise("a PUT past its lifetime is refused", async ({ signPut, expectRefused }) => {
  const put = await signPut({ signedAt: Date.now() - seconds(62) });
  expect(DateTime.toEpochMillis(put.expiresAt)).toBeLessThan(Date.now());
  await expectRefused(await send("PUT", put.url, { headers: put.headers, body: CONTENT }));
});

promise("a GET past its lifetime is refused", async ({ signPut, signGet, refusals }) => {
  const put = await signPut();
  await send("PUT", put.url, { headers: put.headers, body: CONTENT });
  const { url } = await signGet({ signedAt: Date.now() - seconds(62) });
  expect((await send("GET", url)).status).toBeOneOf([...refusals]);
});

promise("a lifetime that was lengthened is refused", async ({ signPut, expectRefused }) => {
  const { url, headers } = await signPut({ signedAt: Date.now() - seconds(62) });
  const altered = url.replace("-Expires=60", "-Expires=600");
  expect(altered).not.toBe(url);
  await expectRefused(await send("PUT", altered, { headers, body: CONTENT }));
});
