import * as Redacted from "effect/Redacted";
import assert from "node:assert/strict";
import { textIn } from "../../storage/rest/xml.ts";
import { send } from "../sending/send.ts";
import { NEAR, SPELLED } from "./own-calls.ts";
import type { Given, OwnCheck } from "./own-reach.ts";
import { fill } from "./s3-calls.ts";

const OBJECTS = ["VICTIM", "NEIGHBOUR", "OWN"];

/** Ways to try what credentials for a prefix may by a store's own API. */
export const ownChecks = {
  "put below their prefix, whole and in parts": async ({ given, done, values, expectStored }) => {
    const KEY = `${values["PREFIX"]}b/parts.png`;
    await expectStored(`${values["OWN"]}`);
    if (given.kind === "azure") {
      await done("PUT BUCKET/KEY?comp=block&blockid=MDAx <CONTENT", { KEY });
      await done("PUT BUCKET/KEY?comp=blocklist <BLOCKS", { KEY });
    } else {
      const begin = async () => {
        const { body } = await done("POST BUCKET/KEY?uploads", { KEY });
        return { KEY, UPLOAD: textIn(body.toString(), "UploadId") ?? "" };
      };
      await done("DELETE BUCKET/KEY?uploadId=UPLOAD", await begin());
      const more = await begin();
      const { headers } = await done("PUT BUCKET/KEY?partNumber=1&uploadId=UPLOAD <CONTENT", more);
      await done("POST BUCKET/KEY?uploadId=UPLOAD <COMPLETION", {
        ...more,
        ETAG: `${headers.etag}`,
      });
      const media = "POST upload/storage/v1/b/BUCKET/o?uploadType=media&name=KEY <CONTENT";
      await done(media, { KEY: `${values["PREFIX"]}media.png` });
    }
    await expectStored(KEY);
  },
  "read, change and remove no object, nor their own": async (reach) => {
    const { calls, values, expectRefused, expectStored } = reach;
    for (const KEY of OBJECTS) for (const line of calls.object) await expectRefused(line, { KEY });
    await expectStored(`${values["OWN"]}`);
  },
  "write under no other name, however it is spelled": async (reach) => {
    const { calls, values, attempt, done, expectRefused } = reach;
    for (const KEY of NEAR) for (const line of calls.elsewhere) await expectRefused(line, { KEY });
    for (const spelled of SPELLED) {
      const KEY = fill(spelled, values);
      const { body } = await attempt(calls.begin, { KEY });
      const [key, UPLOAD] = ["Key", "UploadId"].map((name) => textIn(`${body}`, name));
      assert.notEqual(key, values["NEW"], `${calls.begin} ${spelled}: it is another name`);
      if (UPLOAD !== undefined) await done("DELETE BUCKET/KEY?uploadId=UPLOAD", { KEY, UPLOAD });
    }
  },
  "copy nothing, however its source is spelled": async (reach) => {
    const { calls, values, attempt, expectStored } = reach;
    for (const KEY of OBJECTS) {
      for (const line of calls.copies) {
        const COPY = `${values["PREFIX"]}${crypto.randomUUID()}`;
        const { ok } = await attempt(line, { KEY, COPY });
        // A server that does not know the header stores the body.
        if (ok) await expectStored(COPY, "");
      }
    }
  },
  "list nothing else": async ({ calls, attempt, expectRefused }) => {
    for (const line of calls.lists) await expectRefused(line);
    await attempt(calls.ownList);
  },
  "reach no settings, buckets or users": async ({ calls, expectRefused }) => {
    for (const line of calls.settings) await expectRefused(line);
  },
  "lock and publish nothing by a header of a PUT": async ({
    given,
    calls,
    values,
    attempt,
    remove,
  }) => {
    for (const line of calls.headers) {
      const KEY = `${values["PREFIX"]}${crypto.randomUUID()}`;
      const { ok } = await attempt(line, { KEY });
      if (!ok) continue;
      const { ok: isPublic } = await send("GET", `${given.endpoint}/${given.bucket}/${KEY}`);
      assert.ok(!isPublic, `${line}: everybody may read it`);
      await remove(KEY);
    }
  },
  "last no longer than they say, and make no others": async ({ given, calls, expectRefused }) => {
    for (const by of changed(given)) await expectRefused(calls.put, { KEY: "PREFIXb" }, by);
  },
} as const satisfies Readonly<Record<string, OwnCheck>>;

/** The same credentials with a part of them changed. */
function changed(given: Given): ReadonlyArray<Given> {
  if (given.kind === "gcs") {
    const token = Redacted.value(given.accessToken);
    return [`${token}a`, token.slice(0, -9), "a"].map((text) => ({
      ...given,
      accessToken: Redacted.make(text),
    }));
  }
  return Object.entries({
    sp: "racwdl",
    se: "2099-01-01T00:00:00Z",
    sr: "c",
    sdd: "1",
    skoid: crypto.randomUUID(),
    sig: "",
  }).map(([name, value]) => {
    const query = new URLSearchParams(Redacted.value(given.sas));
    query.set(name, value);
    return { ...given, sas: Redacted.make(query.toString()) };
  });
}
