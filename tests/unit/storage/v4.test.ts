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

it("the hash of the payload is signed if a signed header has it, as both providers define", () => {
  const headers: ReadonlyArray<Pair> = [HOST, ["x-goog-content-sha256", "abc"]];
  expect(canonicalRequest(parts({ headers })).split("\n").at(-1)).toBe("abc");
  expect(canonicalRequest(parts({})).split("\n").at(-1)).toBe("UNSIGNED-PAYLOAD");
});

it("no other header is taken for the hash of the payload", () => {
  const headers: ReadonlyArray<Pair> = [HOST, ["x-amz-meta-content-sha256", "abc"]];
  expect(canonicalRequest(parts({ headers })).split("\n").at(-1)).toBe("UNSIGNED-PAYLOAD");
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

it("the names of signed headers are encoded in the query like everything else", () => {
  const url = signQuery(
    { algorithm: AWS4_HMAC_SHA256, accessKey: "key", secretKey: "secret" },
    {
      method: "GET",
      origin: "https://store.example.com",
      path: "/a",
      query: [],
      headers: [HOST, ["x-amz-meta-a+b&c", "d"]],
      region: "us-east-1",
      now: 0,
      expiresIn: 1,
    },
  );
  expect(url).toContain("&X-Amz-SignedHeaders=host%3Bx-amz-meta-a%2Bb%26c&");
  expect(new URL(url).searchParams.get("X-Amz-SignedHeaders")).toBe("host;x-amz-meta-a+b&c");
});

it("parameters are sorted before those of the signature if their names demand it", () => {
  const url = signQuery(
    { algorithm: GOOG4_HMAC_SHA256, accessKey: "GOOG1E", secretKey: "secret" },
    {
      method: "GET",
      origin: "https://store.example.com",
      path: "/a",
      query: [
        ["prefix", "b c"],
        ["A", ""],
        ["X-Goog-Foo", "bar"],
      ],
      headers: [HOST],
      region: "auto",
      now: 0,
      expiresIn: 1,
    },
  );
  const names = [...new URL(url).searchParams.keys()];
  expect(names.slice(0, -1)).toEqual(names.slice(0, -1).toSorted());
  expect(names.at(-1)).toBe("X-Goog-Signature");
  expect(url).toContain("?A=&X-Goog-Algorithm=");
});
