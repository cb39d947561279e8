import * as Result from "effect/Result";
import { expect, it } from "vitest";
import {
  decodeTokens,
  expiryTime,
  tokenId,
  newToken,
} from "../../../adapters/identity/token-file.ts";

const id = "0123456789abcdef";
const sha256 = "ab01".repeat(16);
const STORED = {
  id,
  sha256,
  kind: "user",
  subject: "alice",
  organizations: ["acme"],
  scopes: ["write"],
  expires_at: "2027-01-31T00:00:00Z",
};
const decode = (members: object) => decodeTokens({ tokens: [{ ...STORED, ...members }] });

it("a stored token is read as it was written, and may do without an end", () => {
  expect(Result.getOrThrow(decode({}))).toEqual([STORED]);
  const { expires_at, ...endless } = STORED;
  expect(Result.getOrThrow(decodeTokens({ tokens: [endless] }))).toEqual([endless]);
  expect(expiryTime({ expires_at })).toBe(Date.UTC(2027, 0, 31));
  expect(expiryTime({})).toBe(Infinity);
});

it.each([
  ["id", `0${id}`],
  ["id", `${id}0`],
  ["id", id.slice(1)],
  ["sha256", `0${sha256}`],
  ["sha256", `${sha256}0`],
  ["sha256", sha256.toUpperCase()],
  ["kind", "robot"],
  ["subject", ""],
  ["organizations", []],
  ["organizations", ["Not A Slug"]],
  ["scopes", []],
  ["scopes", ["everything"]],
  ["expires_at", "+002027-01-31T00:00:00Z"],
  ["expires_at", "2027-01-31T00:00:00Z "],
  ["expires_at", "2027-01-31T00:00:00"],
  ["expires_at", "2027-13-31T00:00:00Z"],
  ["expires_at", "2027-01-31"],
])("a stored token whose %s is %j is refused", (member, value) => {
  const problem = Result.getFailure(decode({ [member]: value }));
  expect(problem).toMatchObject({ value: expect.stringContaining(`/tokens/0/${member}`) });
});

it("a token has its id in it, and text with more or less around it has none", () => {
  const { id, token } = newToken();
  expect(tokenId(token)).toBe(id);
  for (const text of ["", ` ${token}`, `${token} `, token.slice(1), token.slice(0, -1)]) {
    expect(tokenId(text)).toBeUndefined();
  }
});
