import { randomBytes } from "node:crypto";
import * as Option from "effect/Option";
import fc from "fast-check";
import { expect, it } from "vitest";
import { tokensOf } from "../../../adapters/tokens/tokens.ts";
import { receiptKey } from "../../support/receipt-key.ts";

const key = (id: string, secret: number) => ({ id, secret: receiptKey(String(secret)) });
const mac = (text: string) => Buffer.from(text.split(".").at(-1) ?? "", "base64url");
const tokens = tokensOf([key("a", 1), key("b", 2)]);

it("any sealed content is opened", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: "binary", maxLength: 200 }), (content) => {
      const wellFormed = content.toWellFormed();
      expect(tokens.open("receipt", tokens.seal("receipt", wellFormed))).toEqual(
        Option.some(wellFormed),
      );
    }),
  );
});

it("any sealed content that is encrypted is opened, and is not in its token", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 8, unit: "binary", maxLength: 3000 }), (content) => {
      const wellFormed = content.toWellFormed();
      const token = tokens.seal("upload", wellFormed, "encrypted");
      expect(tokens.open("upload", token)).toEqual(Option.some(wellFormed));
      expect(Buffer.from(token.split(".")[2] ?? "", "base64url")).not.toContain(wellFormed);
      expect(tokens.seal("upload", wellFormed, "encrypted")).not.toBe(token);
      // As one that is not encrypted, it is another token.
      expect(tokens.open("upload", token.replace("v2", "v1"))).toEqual(Option.none());
    }),
  );
});

it.each([undefined, "encrypted"] as const)(
  "a token with any character changed, added or taken away is refused (%s)",
  (privacy) => {
    const token = tokens.seal("receipt", '{"k":"orgs/a/files/2026/01/x.png","s":5}', privacy);
    for (let i = 0; i < token.length; i++) {
      for (const other of ["A", "B", "-", ".", "=", "é"]) {
        const changed = token.slice(0, i) + other + token.slice(i + 1);
        if (changed !== token) expect(tokens.open("receipt", changed)).toEqual(Option.none());
        expect(tokens.open("receipt", token.slice(0, i) + other + token.slice(i))).toEqual(
          Option.none(),
        );
      }
      expect(tokens.open("receipt", token.slice(0, i) + token.slice(i + 1))).toEqual(Option.none());
    }
  },
);

it("the same bytes in another spelling of base64url are refused", () => {
  // The last digit of 43 carries two bits that belong to no byte.
  const token = tokens.seal("receipt", "content");
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = alphabet.indexOf(token.at(-1) ?? "");
  for (const bits of [1, 2, 3]) {
    const respelt = token.slice(0, -1) + alphabet[last ^ bits];
    expect(mac(respelt)).toEqual(mac(token));
    expect(tokens.open("receipt", respelt)).toEqual(Option.none());
  }
});

it("a token of another purpose is refused", () => {
  expect(tokens.open("receipt", tokens.seal("link", "content"))).toEqual(Option.none());
  expect(tokens.open("link", tokens.seal("receipt", "content"))).toEqual(Option.none());
});

it.each([undefined, "encrypted"] as const)(
  "keys are rotated: the first seals, and all open (%s)",
  (privacy) => {
    const before = tokensOf([key("old", 1)]);
    const during = tokensOf([key("new", 2), key("old", 1)]);
    const after = tokensOf([key("new", 2)]);
    const sealedBefore = before.seal("receipt", "content", privacy);
    const sealedDuring = during.seal("receipt", "content", privacy);
    expect(during.open("receipt", sealedBefore)).toEqual(Option.some("content"));
    expect(after.open("receipt", sealedDuring)).toEqual(Option.some("content"));
    expect(after.open("receipt", sealedBefore)).toEqual(Option.none());
    // The same id with another key is another key.
    expect(tokensOf([key("new", 3)]).open("receipt", sealedDuring)).toEqual(Option.none());
  },
);

it.each([
  "",
  ".",
  "v1",
  "v1...",
  "v2.a.YQ.x",
  "a".repeat(100_000),
  `v1.a.${"A".repeat(100_000)}.x`,
])("%.20s is not a token", (text) => {
  expect(tokens.open("receipt", text)).toEqual(Option.none());
});

it.each([
  ["zeros", Buffer.alloc(32)],
  ["one byte", Buffer.alloc(48, 0xa5)],
  ["one text again and again", Buffer.from("correct horse 16".repeat(2))],
  ["few characters", Buffer.from("aabbccaabbbcabcabccabbcabcabcabcabcab")],
  ["31 bytes", receiptKey("short").subarray(1)],
  ["nothing", Buffer.alloc(0)],
])("a key of %s is refused", (_, secret) => {
  expect(() => tokensOf([key("a", 1), { id: "weak", secret }])).toThrow(/^The token key weak /);
});

it("a random key is accepted", () => {
  for (let i = 0; i < 1000; i++) {
    expect(() => tokensOf([{ id: "a", secret: randomBytes(32) }])).not.toThrow();
  }
});
