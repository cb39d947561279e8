import { send } from "../support/send.ts";
import { CONTENT, promise } from "./promise.ts";

promise("a PUT with one digit of the signature changed is refused", async (subject) => {
  const { url, headers } = await subject.signPut();
  const altered = url.replace(
    /(-Signature=)(.)/,
    (_, name, digit) => `${name}${digit === "0" ? "1" : "0"}`,
  );
  await subject.expectRefused(await send("PUT", altered, { headers, body: CONTENT }));
});

promise("a PUT without its signature is refused", async ({ signPut, expectRefused }) => {
  const { url, headers } = await signPut();
  const bare = url.replace(/&X-[A-Za-z]+-Signature=[^&]+/, "");
  await expectRefused(await send("PUT", bare, { headers, body: CONTENT }), [400, 403]);
});

promise("a PUT with a further parameter is refused", async ({ signPut, expectRefused }) => {
  const { url, headers } = await signPut();
  await expectRefused(await send("PUT", `${url}&acl=x`, { headers, body: CONTENT }));
});

promise("a header taken out of the signature's list is refused", async (subject) => {
  const { url } = await subject.signPut();
  const altered = url.replace(/(-SignedHeaders=)[^&]+/, "$1host");
  const headers = { "Content-Type": "text/html" };
  await subject.expectRefused(await send("PUT", altered, { headers, body: CONTENT }));
});
