import { expect } from "vitest";
import { send } from "../support/send.ts";
import { CONTENT, promise } from "./promise.ts";

promise("a PUT as granted is stored byte for byte", async ({ signPut, expectStored }) => {
  const put = await signPut();
  const answer = await send("PUT", put.url, { headers: put.headers, body: CONTENT });
  expect(answer.status, answer.body.toString()).toBe(200);
  await expectStored();
});

promise("the three-line client works: fetch with nothing but Content-Type", async (subject) => {
  const put = await subject.signPut();
  const file = new Blob([CONTENT.slice()], { type: "image/png" });
  const answer = await fetch(put.url, {
    method: "PUT",
    headers: { "Content-Type": file.type },
    body: file,
  });
  expect(answer.status).toBe(200);
  await subject.expectStored();
});

promise("what is stored cannot be read without a signature", async ({ signPut, signGet }) => {
  const put = await signPut();
  await send("PUT", put.url, { headers: put.headers, body: CONTENT });
  const { url } = await signGet();
  expect((await send("GET", url.slice(0, url.indexOf("?")))).status).toBe(403);
});
