import { createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { hmacSha256 } from "../../../adapters/values/hmac.ts";

const expected = (key: Uint8Array, text: string) => createHmac("sha256", key).update(text);

it("an HMAC is that of the runtime, for keys and texts of any length", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.string({ unit: "binary", maxLength: 3000 }), { maxLength: 5 }),
      (key, texts) => {
        const hmac = hmacSha256(key);
        for (const text of texts) {
          expect(hmac(text, "hex")).toBe(expected(key, text).digest("hex"));
          expect(hmac(text, "base64url")).toBe(expected(key, text).digest("base64url"));
        }
      },
    ),
  );
});

it("an HMAC at the limits of its buffers is that of the runtime", () => {
  for (const length of [63, 64, 65]) {
    const key = new Uint8Array(length).fill(7);
    const hmac = hmacSha256(key);
    for (const text of ["", "\ud800", ..."xü€".split("").flatMap(nearTheRoom)]) {
      expect(hmac(text, "hex")).toBe(expected(key, text).digest("hex"));
    }
  }
});

/** Texts about as long as what fits in the buffer that is kept. */
const nearTheRoom = (character: string) =>
  [1364, 1365, 1366, 4095, 4096, 4097].map((length) => character.repeat(length));
