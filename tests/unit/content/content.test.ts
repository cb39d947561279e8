import * as Effect from "effect/Effect";
import { expect, it } from "vitest";
import { layer } from "../../../adapters/content/content-detector.ts";
import { ContentDetector } from "../../../application/ports/content-detector.ts";
import { contentDifference, SAMPLE_SIZE } from "../../../domain/content-type.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { LIES, noise, png, REAL, zip } from "../../support/sample-files.ts";
import { gzipSync } from "node:zlib";

const detected = (sample: Uint8Array) => {
  const detecting = Effect.flatMap(ContentDetector, (detect) => detect(sample));
  return Effect.runPromise(Effect.provide(detecting, layer));
};

const differs = async (type: string, bytes: Uint8Array) => {
  const sample = Uint8Array.from(bytes.subarray(0, SAMPLE_SIZE));
  return contentDifference(MediaType.make(type), sample, await detected(sample));
};

it.each(REAL)("a file that is what it says passes: %s as %s", async (_, type, bytes) => {
  expect(await differs(type, bytes)).toBeUndefined();
});

it.each(LIES)("a file that lies is found: %s as %s", async (_, type, bytes, actual) => {
  const [expected] = type.split(";");
  expect(await differs(type, bytes)).toEqual({ property: "content", expected, actual });
});

const bomb = Buffer.alloc(4_000_000);
const repeated = (bytes: string) => Buffer.from(bytes.repeat(SAMPLE_SIZE), "latin1");
/** Each asks for far more work than a sample is worth: loops, nesting, sizes of gigabytes. */
const HOSTILE: Readonly<Record<string, Buffer>> = {
  "a ZIP bomb in the entry that names the type": zip({ "[Content_Types].xml": bomb }),
  "a ZIP bomb in the entry that is the type": zip({ mimetype: bomb }),
  "a ZIP of many empty entries": zip(
    Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`${index}`, ""])),
  ),
  "a ZIP of entries of 4 GiB": repeated(`PK\x03\x04${"\xff".repeat(26)}`),
  "a gzip bomb": gzipSync(bomb),
  "gzip in gzip": Array.from({ length: 40 }).reduce<Buffer>((inner) => gzipSync(inner), bomb),
  "a PNG of empty chunks": Buffer.concat([png().subarray(0, 33), repeated("\0\0\0\0eXIf\0\0\0\0")]),
  "ID3 in ID3": repeated("ID3\x03\0\0\0\0\0\0"),
  "ID3 of 256 MiB": repeated("ID3\x03\0\0\x7f\x7f\x7f\x7f"),
  "EBML without end": repeated("\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff"),
  "a TIFF whose directory is itself": Buffer.concat([
    Buffer.from("II*\0\x08\0\0\0\xff\xff", "latin1"),
    repeated("\x08\0\0\0"),
  ]),
  "ASF of empty objects": Buffer.concat([
    Buffer.from("3026b2758e66cf11a6d900aa0062ce6c", "hex"),
    repeated("\0"),
  ]),
  "comments without end": repeated("<!--"),
  "comments and declarations": repeated("<!-- --><!DOCTYPE a [<!-- '\"]>"),
  "white space": repeated(" "),
};

it.each(Object.entries(HOSTILE))("%s is told from its sample alone", async (_, bytes) => {
  const sample = Uint8Array.from(bytes.subarray(0, SAMPLE_SIZE));
  const { type, known } = await detected(sample);
  expect(known.has(type ?? "image/png")).toBe(true);
});

it("damaged files are told, whatever is damaged", async () => {
  const marks = [...REAL.map(([, , bytes]) => bytes), ...Object.values(HOSTILE)];
  const types = new Set<string | undefined>();
  for (const [index, mark] of marks.entries()) {
    for (let round = 1; round <= 8; round++) {
      const sample = Uint8Array.from(mark.subarray(0, SAMPLE_SIZE));
      const damage = noise(round * 2, index * 8 + round);
      // The mark itself mostly stays.
      for (const [at, byte] of damage.entries()) {
        sample[Math.min(8 + damage.readUInt8((at + 1) % damage.length), sample.length - 1)] = byte;
      }
      types.add((await detected(sample.subarray(0, round === 1 ? undefined : 40 * round))).type);
    }
  }
  expect(types.size).toBeGreaterThan(30);
});
