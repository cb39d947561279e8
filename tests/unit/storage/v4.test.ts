import { expect, it } from "vitest";
import { canonicalRequest, encodeKey, type Pair } from "../../../adapters/storage/signing/v4.ts";
import { signQuery } from "../../../adapters/storage/signing/sign-query.ts";
import {
  AWS4_HMAC_SHA256,
  GOOG4_HMAC_SHA256,
} from "../../../adapters/storage/signing/algorithms.ts";

it("the signer gives the signature of the example in Amazon's documentation", () => {
  const keys = {
    algorithm: AWS4_HMAC_SHA256,
    accessKey: "AKIAIOSFODNN7EXAMPLE",
    secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  };
  const url = signQuery(keys, {
    method: "GET",
    origin: "https://examplebucket.s3.amazonaws.com",
    path: "/test.txt",
    query: [],
    headers: [["host", "examplebucket.s3.amazonaws.com"]],
    region: "us-east-1",
    now: Date.UTC(2013, 4, 24),
    expiresIn: 86_400,
  });
  expect(new URL(url).searchParams.get("X-Amz-Signature")).toBe(
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
  );
});

it("a key that is not well-formed Unicode is refused", () => {
  expect(() => encodeKey("a\ud800b")).toThrow(URIError);
});

const HOST: Pair = ["host", "store.example.com"];
const parts = (over: object) => ({
  method: "GET",
  path: "/a",
  query: "",
  headers: [HOST],
  signedHeaders: "host",
  ...over,
});

it.each([
  [["x-goog-content-sha256", "abc"], "abc"],
  [["x-amz-meta-content-sha256", "abc"], "UNSIGNED-PAYLOAD"],
  [["x-goog-hash", "abc"], "UNSIGNED-PAYLOAD"],
] as const)("with the header %j, the hash of the payload is signed as %s", (header, payload) => {
  expect(
    canonicalRequest(parts({ headers: [HOST, header] }))
      .split("\n")
      .at(-1),
  ).toBe(payload);
});

it("spaces and tabs in header values are collapsed, and no other white space is", () => {
  const headers: ReadonlyArray<Pair> = [
    HOST,
    ["x-a", "  one \t two  "],
    ["x-b", "\u00a0one\u00a0\u00a0two\u3000"],
    ["x-c", " \t "],
  ];
  expect(canonicalRequest(parts({ headers }))).toContain(
    "\nx-a:one two\nx-b:\u00a0one\u00a0\u00a0two\u3000\nx-c:\n",
  );
});

const urlOf = (algorithm: typeof AWS4_HMAC_SHA256, over: { query?: Pair[]; headers?: Pair[] }) =>
  signQuery(
    { algorithm, accessKey: "key", secretKey: "secret" },
    {
      method: "GET",
      origin: "https://store.example.com",
      path: "/a",
      query: [],
      headers: [HOST],
      region: "us-east-1",
      now: 0,
      expiresIn: 1,
      ...over,
    },
  );

it("the names of signed headers are encoded in the query like everything else", () => {
  const url = urlOf(AWS4_HMAC_SHA256, { headers: [HOST, ["x-amz-meta-a+b&c", "d"]] });
  expect(url).toContain("&X-Amz-SignedHeaders=host%3Bx-amz-meta-a%2Bb%26c&");
});

it("parameters are sorted before those of the signature if their names demand it", () => {
  const url = urlOf(GOOG4_HMAC_SHA256, {
    query: [
      ["prefix", "b c"],
      ["A", ""],
      ["X-Goog-Foo", "bar"],
    ],
  });
  const names = [...new URL(url).searchParams.keys()];
  expect(names.slice(0, -1)).toEqual(names.slice(0, -1).toSorted());
  expect(names.at(-1)).toBe("X-Goog-Signature");
  expect(url).toContain("?A=&X-Goog-Algorithm=");
});
