import * as DateTime from "effect/DateTime";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import fc from "fast-check";
import { expect, it } from "vitest";
import { ByteSize } from "../../../domain/byte-size.ts";
import { FileName } from "../../../domain/file-name.ts";
import { FilePath } from "../../../domain/file-path.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { OrganizationId } from "../../../domain/organization.ts";
import { toJson } from "../../../application/tokens.ts";
import { isFinal, Receipt } from "../../../domain/receipt.ts";
import { StorageKey } from "../../../domain/storage-key.ts";
import { tries } from "../../support/tries.ts";

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Receipt));
const instant = fc.integer({ min: 0, max: 4e12 }).map((ms) => DateTime.makeUnsafe(ms));
const receipt = fc
  .record({
    key: fc.constant(
      StorageKey.make("orgs/a/files/2026/01/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png"),
    ),
    filename: fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 40 })
      .filter((name) => Schema.is(FileName)(name))
      .map((name) => FileName.make(name)),
    path: fc.option(fc.constant(FilePath.make("a/b.png")), { nil: undefined }),
    contentType: fc
      .constantFrom("image/png", 'text/plain; charset="a,b"')
      .filter((type) => Schema.is(MediaType)(type)) as fc.Arbitrary<MediaType>,
    size: fc.integer({ min: 1 }).map((size) => ByteSize.make(size)),
    checksum: fc.option(
      fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => ({
        algorithm: "crc32c" as const,
        value: Buffer.from(bytes).toString("base64"),
      })),
      { nil: undefined },
    ),
    policy: fc.string(),
    subject: fc.string(),
    organization: fc.constant(OrganizationId.make("a")),
    writeOnce: fc.boolean(),
    issuedAt: instant,
    putExpiresAt: instant,
    confirmUntil: instant,
  })
  .map(({ checksum, ...others }) =>
    checksum === undefined ? others : { ...others, checksum },
  ) as fc.Arbitrary<Receipt>;

it("a receipt is decoded as it was encoded, member by member", () => {
  fc.assert(
    fc.property(receipt, (given) => {
      expect(decode(toJson(given))).toEqual(Option.some(given));
    }),
    { numRuns: tries(500) },
  );
});

const SHA_256 = { algorithm: "sha256", value: `${"A".repeat(43)}=` } as const;

it.each<[Partial<Receipt>, boolean, boolean?]>([
  [{ writeOnce: true }, true],
  [{ checksum: SHA_256 }, true],
  [{ checksum: SHA_256 }, false, false],
  [{ checksum: { algorithm: "crc32c", value: "AAAAAA==" } as const }, false],
  [{ putExpiresAt: DateTime.makeUnsafe(1000) }, true],
  [{}, false],
])("with %j the object is final: %s, if its checksum is held: %s", (over, final, isHeld = true) => {
  const [given] = fc.sample(receipt, 1);
  if (given === undefined) throw new Error("there is no sample");
  const { checksum: _, ...plain } = given;
  const open = { ...plain, writeOnce: false, putExpiresAt: DateTime.makeUnsafe(1001), ...over };
  expect(isFinal(open, { now: DateTime.makeUnsafe(3_600_000 + 1000), isHeld })).toBe(final);
});
