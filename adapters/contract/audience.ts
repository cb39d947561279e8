import { expect } from "vitest";
import { send } from "../support/send.ts";
import { CONTENT, promise } from "./promise.ts";

const AT = { public: "//localhost:", internal: "//127.0.0.1:" };

for (const [audience, other] of [
  ["public", "internal"],
  ["internal", "public"],
] as const) {
  promise(
    `a PUT for the ${audience} endpoint works there and not at the ${other} one`,
    async ({ signPut, expectRefused, expectStored }) => {
      const { url, headers } = await signPut({ audience });
      expect(url).toContain(AT[audience]);
      const elsewhere = url.replace(AT[audience], AT[other]);
      await expectRefused(await send("PUT", elsewhere, { headers, body: CONTENT }));
      expect((await send("PUT", url, { headers, body: CONTENT })).status).toBe(200);
      await expectStored();
    },
    (store) => store.hasTwoEndpoints,
  );
}

promise(
  "has one endpoint, which browsers and services share",
  async ({ signPut }) => {
    const [external, internal] = await Promise.all(
      (["public", "internal"] as const).map(async (audience) => (await signPut({ audience })).url),
    );
    expect(new URL(external ?? "").origin).toBe(new URL(internal ?? "").origin);
  },
  (store) => !store.hasTwoEndpoints,
);
