import { send } from "../support/send.ts";
import { CONTENT, promise } from "./promise.ts";

promise("a PUT one byte longer than granted is refused", async ({ signPut, expectRefused }) => {
  const { url, headers } = await signPut();
  const body = Buffer.concat([CONTENT, new Uint8Array(1)]);
  await expectRefused(await send("PUT", url, { headers, body }));
});

promise("a PUT one byte shorter than granted is refused", async ({ signPut, expectRefused }) => {
  const { url, headers } = await signPut();
  await expectRefused(await send("PUT", url, { headers, body: CONTENT.subarray(1) }));
});

promise("a PUT that does not say its length is refused", async ({ signPut, expectRefused }) => {
  const { url, headers } = await signPut();
  // S3 has its own status for this, whatever the signature says.
  await expectRefused(
    await send("PUT", url, { headers, body: CONTENT, chunked: true }),
    [403, 411],
  );
});
