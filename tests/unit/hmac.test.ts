import { createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { hmacSha256 } from "../../adapters/values/hmac.ts";

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

it("a known HMAC is right: test cases 1, 2 and 6 of RFC 4231", () => {
  expect(hmacSha256(new Uint8Array(20).fill(0x0b))("Hi There", "hex")).toBe(
    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
  );
  expect(hmacSha256(Buffer.from("Jefe"))("what do ya want for nothing?", "hex")).toBe(
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
  expect(
    hmacSha256(new Uint8Array(131).fill(0xaa))(
      "Test Using Larger Than Block-Size Key - Hash Key First",
      "hex",
    ),
  ).toBe("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
});
