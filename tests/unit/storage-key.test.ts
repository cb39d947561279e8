import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as TestClock from "effect/testing/TestClock";
import fc from "fast-check";
import mediaTypes from "mime-db";
import { layer as random } from "../../adapters/crypto/random.ts";
import { FileName } from "../../domain/file-name.ts";
import { MediaType } from "../../domain/media-type.ts";
import { OrganizationId } from "../../domain/organization.ts";
import {
  extensionFor,
  format,
  generate,
  parse,
  keyIn,
  pathWithin,
} from "../../domain/storage-key.ts";

const file = {
  organization: OrganizationId.make("org_1"),
  fileName: FileName.make("../../a.png"),
  mediaType: MediaType.make("image/png"),
};

it.effect("a key has the organization, the month of signing in UTC and a random UUID", () =>
  Effect.gen(function* () {
    // The last second of February, where a zone east of UTC has March already.
    yield* TestClock.setTime(Date.UTC(2024, 1, 29, 23, 59, 59));
    const key = yield* generate(file);
    expect(key).toMatch(
      /^orgs\/org_1\/files\/2024\/02\/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.png$/,
    );
    expect(yield* generate(file)).not.toBe(key);
  }).pipe(Effect.provide(random)),
);

it("a key is parsed into its parts", () => {
  fc.assert(
    fc.property(
      fc.record({
        organization: fc
          .stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/)
          .map((id) => OrganizationId.make(id)),
        year: fc.integer({ min: 1970, max: 9999 }),
        month: fc.integer({ min: 1, max: 12 }),
        uuid: fc.uuid({ version: 4 }),
        extension: fc.constantFrom(".png", ".bin", ".sfd-hdstx", ".disposition-notification"),
      }),
      (parts) => {
        expect(Option.getOrThrow(parse(format(parts)))).toEqual(parts);
        const path = pathWithin(parts);
        expect(format(parts)).toMatch(new RegExp(`/files/${path}$`));
        expect(Option.getOrThrow(parse(keyIn(parts.organization, path)))).toEqual(parts);
      },
    ),
  );
});

it("a key is not parsed from a path that leaves the organization", () => {
  const path = `2026/01/${UUID}.png`;
  expect(Option.isSome(parse(keyIn(file.organization, path)))).toBe(true);
  for (const out of [`../../org_2/files/${path}`, `/${path}`, `${path}/${path}`, ""]) {
    expect(Option.isNone(parse(keyIn(file.organization, out)))).toBe(true);
  }
});

it.each([
  "",
  "orgs/a/files/2026/13/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  "orgs/a/files/2026/1/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  "orgs/a/files/2026/01/5007cd59-14b0-1a8f-9bfa-7debee4b183d.png",
  "orgs/../files/2026/01/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  "orgs/a/b/files/2026/01/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  "/orgs/a/files/2026/01/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  "orgs/a/files/2026/01/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png\n",
  "orgs/a/files/2026/01/5007cd59-14b0-4a8f-9bfa-7debee4b183d",
])("a key is not %j", (text) => {
  expect(Option.isNone(parse(text))).toBe(true);
});

it.each([
  ["a.html", "image/png", ".png"],
  [".htaccess", "image/png", ".png"],
  ["photo.JPEG", "image/jpeg", ".jpeg"],
  ["photo", "image/jpeg", ".jpg"],
  ["photo.exe", "image/jpeg", ".jpg"],
  ["data.parquet", "application/x-unheard-of", ".parquet"],
  ["data", "application/x-unheard-of", ".bin"],
  [".htaccess", "application/x-unheard-of", ".bin"],
  ["notes.log", "text/plain; charset=utf-8", ".log"],
  ["a.constructor", "constructor/prototype", ".bin"],
])("the extension of %s declared as %s is %s", (name, type, extension) => {
  expect(extensionFor(FileName.make(name), MediaType.make(type))).toBe(extension);
});

it("every extension in the table may be part of a key", () => {
  for (const type of Object.keys(mediaTypes)) {
    const extension = extensionFor(FileName.make("a"), MediaType.make(type));
    const parts = { organization: file.organization, year: 2026, month: 1, uuid: UUID, extension };
    expect(Option.getOrThrow(parse(format(parts)))).toEqual(parts);
  }
});

const UUID = "5007cd59-14b0-4a8f-9bfa-7debee4b183d";
