import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import * as TestClock from "effect/testing/TestClock";
import fc from "fast-check";
import mediaTypes from "mime-db";
import { createHash } from "node:crypto";
import { layer as random } from "../../../adapters/tokens/random.ts";
import { FileName } from "../../../domain/file-name.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { OrganizationId } from "../../../domain/organization.ts";
import {
  DEFAULT_TEMPLATE,
  extensionFor,
  generate,
  isPublicKey,
  KeyTemplate,
  keyIn,
  parse,
  pathWithin,
  prefixFor,
  PUBLIC_TEMPLATE,
  publicKeyIn,
  publicPath,
  subjectFolder,
} from "../../../domain/storage-key.ts";
import { defaultPolicy } from "../../../domain/upload-policy.ts";
import { tries } from "../../support/tries.ts";

const file = {
  organization: OrganizationId.make("org_1"),
  caller: { kind: "user", subject: "ada@example.com" },
  template: defaultPolicy.key,
  filename: FileName.make("../../a.png"),
  contentType: MediaType.make("image/png"),
} as const;
const UUID = "5007cd59-14b0-4a8f-9bfa-7debee4b183d";
const decode = Schema.decodeUnknownOption(KeyTemplate);

it.effect("a key has the organization, the month of signing in UTC and a random UUID", () =>
  Effect.gen(function* () {
    // The last second of February, where a zone east of UTC has March already.
    yield* TestClock.setTime(Date.UTC(2024, 1, 29, 23, 59, 59));
    const key = yield* generate(file);
    expect(key).toMatch(
      /^orgs\/org_1\/files\/2024\/02\/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.png$/,
    );
    expect(yield* generate(file)).not.toBe(key);
    const template = Option.getOrThrow(
      decode("orgs/{organization}/avatars/{day}/{month}/constructor/{year}/{id}{extension}"),
    );
    expect(yield* generate({ ...file, template })).toMatch(
      /^orgs\/org_1\/avatars\/29\/02\/constructor\/2024\/[0-9a-f-]{36}\.png$/,
    );
  }).pipe(Effect.provide(random)),
);

const names = fc.oneof(
  fc.constantFrom("orgs", "files", "incoming", "removed", "multipart", "policies", "f".repeat(64)),
  fc.stringMatching(/^[a-z][a-z0-9_-]{0,63}$/),
);
const templates = fc.oneof(
  fc.constantFrom(DEFAULT_TEMPLATE, PUBLIC_TEMPLATE),
  fc
    .tuple(
      fc.oneof(
        names.filter((name) => name !== "files"),
        fc.constantFrom("{subject}", "public"),
      ),
      fc.array(fc.oneof(names, fc.constantFrom("{year}", "{month}", "{day}")), { maxLength: 7 }),
    )
    .map(([first, rest]) => `orgs/{organization}/${[first, ...rest].join("/")}/{id}{extension}`),
);
const organizations = fc
  .stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/)
  .map((id) => OrganizationId.make(id));
const instants = fc.date({
  min: new Date("1970-01-01"),
  max: new Date("9999-12-31"),
  noInvalidDate: true,
});
const keys = (template: string, organization: OrganizationId, at: Date) =>
  Effect.runPromise(
    TestClock.setTime(at.getTime()).pipe(
      Effect.andThen(
        generate({ ...file, organization, template: Option.getOrThrow(decode(template)) }),
      ),
      Effect.provide([random, TestClock.layer()]),
    ),
  );

it("every key of every template is parsed, and has one address; templates are written back as they were", async () => {
  await fc.assert(
    fc.asyncProperty(templates, organizations, instants, async (template, organization, at) => {
      const key = await keys(template, organization, at);
      expect(Schema.encodeSync(KeyTemplate)(Option.getOrThrow(decode(template)))).toBe(template);
      expect(Buffer.byteLength(`incoming/removed/${key}`)).toBeLessThanOrEqual(1024);
      const parts = Option.getOrThrow(parse(key));
      expect(parts).toMatchObject({ key, organization, extension: ".png" });
      expect(parts.monthEnd).toBe(
        template === DEFAULT_TEMPLATE
          ? Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1)
          : undefined,
      );
      expect(isPublicKey(key)).toBe(template.startsWith("orgs/{organization}/public/"));
      const [shown = "", ...within] = publicPath(key).split("/");
      if (isPublicKey(key)) expect(publicKeyIn(shown, within.join("/"))).toBe(key);
      const path = pathWithin(key);
      expect(keyIn(organization, path)).toBe(key);
      for (const other of [
        `files/${path}`,
        `../${path}`,
        `../../org_2/files/${path}`,
        `../../incoming/orgs/${organization}/${path}`,
        `/${path}`,
        `${path}/`,
        `${path}/${path}`,
        path.toUpperCase(),
        path.replace("/", "%2f"),
        path.replace("/", "//"),
        "",
      ]) {
        expect(Option.isNone(parse(keyIn(organization, other))), other).toBe(true);
      }
    }),
  );
});

it("a key and its path are one for one, whatever the path is", () => {
  const piece = fc.constantFrom("files", "avatars", "2026", "11", "31", `${UUID}.png`, "orgs", "");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const path = pieces.join("/");
      const key = Option.getOrUndefined(parse(keyIn(file.organization, path)))?.key;
      if (key !== undefined) expect(pathWithin(key)).toBe(path);
    }),
    { numRuns: tries(20_000) },
  );
});

it.effect("a folder of a caller tells kinds and subjects apart, whatever they are called", () =>
  Effect.gen(function* () {
    const template = Option.getOrThrow(
      decode("orgs/{organization}/{subject}/{year}/{id}{extension}"),
    );
    const callers = [
      { kind: "user", subject: "ada@example.com" },
      { kind: "service", subject: "ada@example.com" },
      { kind: "user", subject: "Ada@example.com" },
      { kind: "user", subject: "../../org_2/files %2f" },
      { kind: "user", subject: "ädä 🙂" },
      { kind: "user", subject: "u-b0e4a3f1" },
    ] as const;
    const folders = yield* Effect.forEach(callers, subjectFolder);
    expect(new Set(folders).size).toBe(callers.length);
    for (const [at, caller] of callers.entries()) {
      const hash = createHash("sha256").update(caller.subject).digest("hex");
      expect(folders[at]).toBe(`${caller.kind === "user" ? "u" : "s"}-${hash.slice(0, 32)}`);
      const key = yield* generate({ ...file, caller, template });
      expect(key.startsWith(prefixFor(file.organization, folders[at]))).toBe(true);
      expect(Option.isSome(parse(key))).toBe(true);
    }
  }).pipe(Effect.provide(random)),
);

const BAD_TEMPLATES = [
  "",
  "{organization}/avatars/{id}{extension}",
  "orgs/{organization}/{id}{extension}",
  "orgs/{organization}/avatars/{id}",
  "orgs/{organization}/avatars/{id}{extension}/",
  "orgs/{organization}/avatars/{id}{extension}\n",
  "/orgs/{organization}/avatars/{id}{extension}",
  "incoming/orgs/{organization}/avatars/{id}{extension}",
  "orgs/acme/avatars/{id}{extension}",
  "orgs/{organization}/{organization}/{id}{extension}",
  "orgs/{organization}/avatars/{id}{extension}/{id}{extension}",
  "orgs/{organization}/avatars/{id}-{year}{extension}",
  "orgs/{organization}/avatars/{filename}/{id}{extension}",
  "orgs/{organization}/avatars//{id}{extension}",
  "orgs/{organization}/avatars/{subject}/{id}{extension}",
  "orgs/{organization}/files/{subject}/{id}{extension}",
  "orgs/{organization}/{subject}-{year}/{id}{extension}",
  "orgs/{subject}/avatars/{id}{extension}",
  "orgs/{organization}/avatars/../{id}{extension}",
  "orgs/{organization}/avatars%2e/{id}{extension}",
  "orgs/{organization}/a\\b/{id}{extension}",
  "orgs/{organization}/Avatars/{id}{extension}",
  "orgs/{organization}/avatärs/{id}{extension}",
  "orgs/{organization}/2026/{id}{extension}",
  "orgs/{organization}/files/{id}{extension}",
  "orgs/{organization}/files/{year}/{id}{extension}",
  "orgs/{organization}/files/{year}/{month}/{day}/{id}{extension}",
  "orgs/{organization}/files/avatars/{id}{extension}",
  `orgs/{organization}/${"a".repeat(65)}/{id}{extension}`,
  `orgs/{organization}/${"a/".repeat(9)}{id}{extension}`,
  `orgs/{organization}/${"a/".repeat(8192)}{id}{extension}`,
  `orgs/{organization}/avatars/{id}{extension}${"\0".repeat(16_384)}`,
];

it.each(BAD_TEMPLATES.map((text) => [text.slice(0, 80), text]))(
  "a template is not %j",
  (_, text) => {
    expect(Option.isNone(decode(text))).toBe(true);
  },
);

it.each([
  "",
  "orgs/a/files/2026/13/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  "orgs/a/files/2026/1/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  "orgs/a/files/2026/01/01/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  "orgs/a/files/avatars/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  "orgs/a/files/2026/01/5007cd59-14b0-1a8f-9bfa-7debee4b183d.png",
  "orgs/../files/2026/01/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  "orgs/a/b/files/2026/01/5007cd59-14b0-4a8f-9bfa-7debee4b183d.jpg/c",
  "orgs/a/2026/01/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  "orgs/a/avatars/32/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  "orgs/a/avatars/5007CD59-14b0-4a8f-9bfa-7debee4b183d.png",
  "orgs/a/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  "incoming/orgs/a/avatars/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  "/orgs/a/files/2026/01/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  "orgs/a/files/2026/01/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png\n",
  "orgs/a/files/2026/01/5007cd59-14b0-4a8f-9bfa-7debee4b183d",
  `orgs/a/${"a/".repeat(9)}5007cd59-14b0-4a8f-9bfa-7debee4b183d.png`,
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
  ["a.png", "image/x+xml", ".xml"],
  ["a.png", "application/unknown", ".xml"],
  ["a.mht", "multipart/related", ".mht"],
])("the extension of %s declared as %s is %s", (name, type, extension) => {
  expect(extensionFor(FileName.make(name), MediaType.make(type))).toBe(extension);
});

it("every extension in the table may be part of a key", () => {
  for (const type of Object.keys(mediaTypes)) {
    const extension = extensionFor(FileName.make("a"), MediaType.make(type));
    const key = keyIn(file.organization, `2026/01/${UUID}${extension}`);
    expect(Option.getOrThrow(parse(key))).toMatchObject({ uuid: UUID, extension });
  }
});
