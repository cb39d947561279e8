import { expect } from "vitest";
import { CONTENT } from "./sample-upload.ts";
import { send } from "./send.ts";
import type { StorePromise } from "./store-promise.ts";

/** A signed request is valid for one key, one bucket, one host and one method. */
export const address: ReadonlyArray<StorePromise> = [
  {
    title: "a PUT to another key is refused",
    check: async ({ key, signPut, expectRefused }) => {
      const { url, headers } = await signPut();
      const other = key.replace("orgs/acme", "orgs/globex");
      await expectRefused(await send("PUT", url.replace(key, other), { headers, body: CONTENT }));
    },
  },
  {
    title: "a PUT to another bucket is refused",
    check: async ({ bucket, signPut, expectRefused }) => {
      const { url, headers } = await signPut();
      const { host } = new URL(url);
      const isHost = host.startsWith(`${bucket}.`);
      const altered = isHost ? url : url.replace(`/${bucket}/`, `/${bucket}x/`);
      expect(altered !== url || isHost, `the URL names no bucket ${bucket}`).toBe(true);
      const answer = await send("PUT", altered, {
        headers: isHost ? { ...headers, Host: host.replace(bucket, `${bucket}x`) } : headers,
        body: CONTENT,
      });
      await expectRefused(answer, [403, 404]);
    },
  },
  {
    title: "a PUT under another host name is refused",
    check: async ({ signPut, expectRefused }) => {
      const { url, headers } = await signPut();
      const answer = await send("PUT", url, {
        headers: { ...headers, Host: "store.example.com" },
        body: CONTENT,
      });
      await expectRefused(answer);
    },
  },
  {
    title: "a signed PUT cannot read, and a signed GET cannot write",
    check: async ({ signPut, signGet, expectRefused, expectStored, refusals }) => {
      const put = await signPut();
      const get = await signGet();
      await expectRefused(await send("PUT", get.url, { headers: put.headers, body: CONTENT }));
      await send("PUT", put.url, { headers: put.headers, body: CONTENT });
      const read = await send("GET", put.url, { headers: put.headers });
      expect(read.status).toBeOneOf([...refusals]);
      const removed = await send("DELETE", put.url, { headers: put.headers });
      expect(removed.status).toBeOneOf([405, ...refusals]);
      await expectStored();
    },
  },
];
