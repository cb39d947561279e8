import { expect, it } from "vitest";
import { factsIn } from "../../../adapters/storage/rest/object-facts.ts";

const factsOf = (headers: Readonly<Record<string, string>>) =>
  factsIn(new Headers({ "content-length": "5", etag: '"e"', ...headers }));

it("an answer without the length of an object is not from a store", () => {
  expect(factsIn(new Headers({ "content-type": "image/png" }))).toBeUndefined();
  expect(factsOf({ "content-length": "five" })).toBeUndefined();
  expect(factsOf({ "content-length": "5, 6" })).toBeUndefined();
  expect(factsIn(new Headers({ "content-length": "5" }))).toBeUndefined();
  expect(factsOf({})?.size).toBe(5);
});

it("the null version is not reported, since it names whatever object is there", () => {
  expect(factsOf({ "x-amz-version-id": "null" })?.version).toBeUndefined();
  expect(factsOf({ "x-amz-version-id": "b1946ac9" })?.version).toBe("b1946ac9");
  expect(factsOf({ "x-goog-generation": "17" })?.version).toBe("17");
});

it("a checksum of the checksums of parts is not reported as one of the bytes", () => {
  const facts = factsOf({ "x-amz-checksum-sha256": "c2hh-2", "x-amz-checksum-crc32c": "AAAAAA==" });
  expect(facts?.checksums).toEqual({ crc32c: "AAAAAA==" });
});

it("the time and the age of an object are told by the store's own clock, or are unknown", () => {
  const date = "Fri, 27 Nov 2026 16:00:10 GMT";
  const written = { "last-modified": "Fri, 27 Nov 2026 16:00:00 GMT" };
  const storedAt = Date.UTC(2026, 10, 27, 16);
  expect(factsOf({ date, ...written })).toMatchObject({ age: 10_000, storedAt });
  expect(factsOf({ date })).not.toHaveProperty("age");
  expect(factsOf(written)).not.toHaveProperty("age");
});
