import * as DateTime from "effect/DateTime";
import { expect, it } from "vitest";
import { ByteSize } from "../../../domain/byte-size.ts";
import { MediaType } from "../../../domain/media-type.ts";
import {
  compareWithReceipt,
  type ObjectFacts,
  timeDifference,
} from "../../../domain/upload-difference.ts";

const sha256 = "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=";
const md5 = "CY9rzUYh03PK3k6DJie09g==";
const RECEIPT = {
  size: ByteSize.make(5),
  contentType: MediaType.make("image/png"),
  writeOnce: false,
  pending: false,
};
const FACTS: ObjectFacts = {
  size: 5,
  contentType: "image/png",
  etag: '"e"',
  checksums: {},
  extraHeaders: {},
};
type Receipt = Parameters<typeof compareWithReceipt>[0];
const BY_SHA256 = { checksum: { algorithm: "sha256", value: sha256 } } as const;
const BY_MD5 = { checksum: { algorithm: "md5", value: md5 } } as const;
const cached = (value: string) => ({ extraHeaders: { "cache-control": value } });

it.each<readonly [string, Partial<Receipt>, Partial<ObjectFacts>, ReadonlyArray<unknown>]>([
  ["the file that was granted", {}, {}, []],
  ["a byte less", {}, { size: 4 }, ["size", 5, 4]],
  ["another type", {}, { contentType: "text/html" }, ["contentType", "image/png", "text/html"]],
  ["the checksum that was granted", BY_SHA256, { checksums: { sha256 } }, []],
  ["another checksum", BY_SHA256, { checksums: { sha256: md5 } }, ["checksum", sha256, md5]],
  ["no checksum where the store would tell it", BY_SHA256, {}, ["checksum", sha256, "none"]],
  ["no checksum where the store never tells it", BY_MD5, {}, []],
  ["no checksum where this store does not tell it", BY_SHA256, { reports: [] }, []],
  [
    "a header that nobody granted",
    {},
    { extraHeaders: { "content-encoding": "gzip" } },
    ["content-encoding", "", "gzip"],
  ],
  ["a header that fetch adds to a write-once PUT", { writeOnce: true }, cached("no-cache"), []],
  [
    "a header that fetch does not add to it",
    { writeOnce: true },
    cached("public"),
    ["cache-control", "", "public"],
  ],
  [
    "a header that fetch adds to no other PUT",
    {},
    cached("no-cache"),
    ["cache-control", "", "no-cache"],
  ],
])("an upload that arrives as %s is compared with its grant", (_what, receipt, facts, expected) => {
  const [property, ...values] = expected;
  const differences =
    property === undefined ? [] : [{ property, expected: values[0], actual: values[1] }];
  expect(compareWithReceipt({ ...RECEIPT, ...receipt }, { ...FACTS, ...facts })).toEqual(
    differences,
  );
});

const HOUR = 3_600_000;
it.each<readonly [string, number | undefined, string | undefined]>([
  ["now", 0, undefined],
  ["an unknown time", undefined, undefined],
  ["the time of the grant", 24 * HOUR, undefined],
  ["a time before the grant by as much as clocks may differ", 24.25 * HOUR, undefined],
  ["a time before the grant", 24.26 * HOUR, "2026-11-23T11:44:24.000Z"],
  ["a time after now by as much as clocks may differ", -0.25 * HOUR, undefined],
  ["a time after now", -0.26 * HOUR, "2026-11-24T12:15:36.000Z"],
])("an object that was written at %s is compared with its grant", (_what, age, actual) => {
  const now = DateTime.makeUnsafe("2026-11-24T12:00:00Z");
  const issuedAt = DateTime.makeUnsafe("2026-11-23T12:00:00Z");
  const expected = "2026-11-23T12:00:00.000Z or later, not after 2026-11-24T12:00:00.000Z";
  const facts = age === undefined ? FACTS : { ...FACTS, age };
  expect(timeDifference({ issuedAt }, facts, now)).toEqual(
    actual === undefined ? [] : [{ property: "last-modified", expected, actual }],
  );
  // Named as the store has it, whose clock may be another.
  const named = timeDifference({ issuedAt }, { ...facts, storedAt: 1000 }, now);
  expect(named.map((each) => each.actual)).toEqual(actual ? ["1970-01-01T00:00:01.000Z"] : []);
});
