import assert from "node:assert/strict";
import { assertStatus } from "./assertions.ts";
import { upload, withHeaders } from "./put.ts";
import { send } from "./send.ts";
import { everyStore } from "./store-promise.ts";

/** A signed request is valid for one key, one bucket, one host and one method. */
export const address = everyStore({
  "a PUT to another key is refused": async ({ key, signPut, expectRefused }) => {
    const put = await signPut();
    const other = key.replace("orgs/acme", "orgs/globex");
    await expectRefused({ ...put, url: put.url.replace(key, other) });
  },
  "a PUT to another bucket is refused": async ({ bucket, signPut, expectRefused }) => {
    const put = await signPut();
    const { host } = new URL(put.url);
    const altered = host.startsWith(`${bucket}.`)
      ? withHeaders(put, { Host: host.replace(bucket, `${bucket}x`) })
      : { ...put, url: put.url.replace(`/${bucket}/`, `/${bucket}x/`) };
    assert.notDeepEqual(altered, put, `the URL names no bucket ${bucket}`);
    await expectRefused(altered, [403, 404]);
  },
  "a PUT under another host name is refused": async ({ signPut, expectRefused }) => {
    await expectRefused(withHeaders(await signPut(), { Host: "store.example.com" }));
  },
  "a signed PUT cannot read, and a signed GET cannot write": async (subject) => {
    const { signPut, signGet, expectRefused, expectContent, refusals } = subject;
    const put = await signPut();
    const get = await signGet();
    await expectRefused({ ...put, url: get.url });
    await upload(put);
    const read = await send("GET", put.url, { headers: put.headers });
    assertStatus(read, refusals);
    const removed = await send("DELETE", put.url, { headers: put.headers });
    assertStatus(removed, [405, ...refusals]);
    await expectContent();
  },
});
