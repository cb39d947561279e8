import { expect } from "vitest";
import { send } from "../support/send.ts";
import { CONTENT, promise } from "./promise.ts";

promise("a PUT to another key is refused", async ({ key, signPut, expectRefused }) => {
  const { url, headers } = await signPut();
  const other = key.replace("orgs/acme", "orgs/globex");
  await expectRefused(await send("PUT", url.replace(key, other), { headers, body: CONTENT }));
});

promise("a PUT to another bucket is refused", async ({ bucket, signPut, expectRefused }) => {
  const { url, headers } = await signPut();
  const altered = url.replace(`/${bucket}/`, `/${bucket}x/`);
  expect(altered).not.toBe(url);
  await expectRefused(await send("PUT", altered, { headers, body: CONTENT }), [403, 404]);
});

promise("a PUT under another host name is refused", async ({ signPut, expectRefused }) => {
  const { url, headers } = await signPut();
  const answer = await send("PUT", url, {
    headers: { ...headers, Host: "store.example.com" },
    body: CONTENT,
  });
  await expectRefused(answer);
});

promise("a signed PUT cannot read, and a signed GET cannot write", async (subject) => {
  const put = await subject.signPut();
  const get = await subject.signGet();
  await subject.expectRefused(await send("PUT", get.url, { headers: put.headers, body: CONTENT }));
  await send("PUT", put.url, { headers: put.headers, body: CONTENT });
  expect((await send("GET", put.url, { headers: put.headers })).status).toBe(403);
  expect((await send("DELETE", put.url, { headers: put.headers })).status).toBeOneOf([403, 405]);
  await subject.expectStored();
});
