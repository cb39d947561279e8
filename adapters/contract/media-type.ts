import { expect } from "vitest";
import { MediaType } from "../../domain/media-type.ts";
import { send } from "../support/send.ts";
import { CONTENT, promise } from "./promise.ts";

promise("a PUT of another type is refused", async ({ signPut, expectRefused }) => {
  const { url } = await signPut();
  const headers = { "Content-Type": "text/html" };
  await expectRefused(await send("PUT", url, { headers, body: CONTENT }));
});

promise("a PUT without a type is refused", async ({ signPut, expectRefused }) => {
  const { url } = await signPut();
  // MinIO calls a signed header that is missing a bad request.
  await expectRefused(await send("PUT", url, { body: CONTENT }), [400, 403]);
});

promise("a type with parameters is bound as it was declared", async (subject) => {
  const mediaType = MediaType.make('text/plain; Charset="utf-8";  codecs="a, b"');
  const { url, headers } = await subject.signPut({ mediaType });
  const other = { "Content-Type": "text/plain" };
  await subject.expectRefused(await send("PUT", url, { headers: other, body: CONTENT }));
  expect((await send("PUT", url, { headers, body: CONTENT })).status).toBe(200);
  await subject.expectStored();
});
