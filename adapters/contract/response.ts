import * as Duration from "effect/Duration";
import { expect } from "vitest";
import { MediaType } from "../../domain/media-type.ts";
import { send } from "../support/send.ts";
import { CONTENT, promise } from "./promise.ts";

promise("a GET answers with the type and disposition that were signed", async (subject) => {
  const put = await subject.signPut();
  await send("PUT", put.url, { headers: put.headers, body: CONTENT });
  const responseDisposition = "attachment; filename=\"_.svg\"; filename*=UTF-8''%C3%A9.svg";
  const { url } = await subject.signGet({
    responseMediaType: MediaType.make("image/svg+xml"),
    responseDisposition,
  });
  const { headers } = await send("GET", url);
  expect(headers["content-type"]).toBe("image/svg+xml");
  expect(headers["content-disposition"]).toBe(responseDisposition);
});

promise("a GET whose disposition was altered is refused", async ({ signPut, signGet }) => {
  const put = await signPut();
  await send("PUT", put.url, { headers: put.headers, body: CONTENT });
  const { url } = await signGet({ responseDisposition: "attachment" });
  const altered = url.replace("disposition=attachment", "disposition=inline");
  expect(altered).not.toBe(url);
  expect((await send("GET", altered)).status).toBe(403);
});

promise("a GET answers a range, and 304 to a client that has the object", async (subject) => {
  const put = await subject.signPut();
  await send("PUT", put.url, { headers: put.headers, body: CONTENT });
  const { url } = await subject.signGet();
  const part = await send("GET", url, { headers: { Range: "bytes=10-19" } });
  expect(part.status).toBe(206);
  expect(part.body.equals(CONTENT.subarray(10, 20))).toBe(true);
  const { etag = "" } = part.headers;
  expect((await send("GET", url, { headers: { "If-None-Match": etag } })).status).toBe(304);
});

promise(
  "a GET says nothing that rode along with the upload unsigned",
  async ({ signPut, signGet }) => {
    const put = await signPut();
    const answer = await send("PUT", put.url, {
      headers: {
        ...put.headers,
        "Content-Encoding": "gzip",
        "Cache-Control": "public, max-age=31536000",
        "Content-Disposition": "inline; filename=evil.html",
      },
      body: CONTENT,
    });
    expect(answer.status).toBe(200);
    const { headers, body } = await send("GET", (await signGet()).url);
    expect(headers["content-encoding"] ?? "identity").toBe("identity");
    expect(headers["cache-control"]).toBe("private, max-age=60");
    expect(headers["content-disposition"]).toBe("inline");
    expect(body.equals(CONTENT)).toBe(true);
  },
  (store) => store.pinsAllHeaders,
);

promise("within a window the same request has the same URL, and then another", async (subject) => {
  const put = await subject.signPut();
  await send("PUT", put.url, { headers: put.headers, body: CONTENT });
  const window = Duration.seconds(20);
  const start = Math.floor(Date.now() / 20_000) * 20_000;
  const at = async (signedAt: number) => (await subject.signGet({ signedAt, window })).url;
  const first = await at(start);
  expect(await at(start + 19_999)).toBe(first);
  expect(await at(start + 20_000)).not.toBe(first);
  expect((await send("GET", first)).status).toBe(200);
});
