import { expect, it } from "@effect/vitest";
import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { recall, recallStart } from "../../application/uploads/retries.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { FileName } from "../../domain/file-name.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import { MediaType } from "../../domain/media-type.ts";
import { OrganizationId } from "../../domain/organization.ts";
import { StorageKey } from "../../domain/storage-key.ts";
import { defaultPolicy } from "../../domain/upload-policy.ts";

const now = DateTime.makeUnsafe("2026-11-24T12:00:00Z");
const issuedAt = DateTime.subtract(now, { hours: 1 });
const grant = {
  ...defaultPolicy,
  fileName: FileName.make("a.png"),
  mediaType: MediaType.make("image/png"),
  size: ByteSize.make(5),
  strict: false,
  writeOnce: true,
  putLifetime: Lifetime.make(Duration.minutes(15)),
  getLifetime: Lifetime.make(Duration.hours(24)),
};
const remembered = (organization: string, minutes: number, uploads = 1) =>
  JSON.stringify(
    Array.from({ length: uploads }, () => ({
      key: `orgs/${organization}/files/2026/11/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png`,
      issuedAt: DateTime.toEpochMillis(issuedAt),
      putExpiresAt: DateTime.toEpochMillis(now) + minutes * 60_000,
      getExpiresAt: DateTime.toEpochMillis(now) + minutes * 60_000,
    })),
  );
const key = StorageKey.make("orgs/acme/files/2026/11/0b1c2d3e-14b0-4a8f-9bfa-7debee4b183d.png");
const recalled = (memory: string) =>
  Effect.map(
    recall(memory, {
      organization: OrganizationId.make("acme"),
      uploads: [{ key, grant, issuedAt: now }],
      now,
    }),
    (uploads) =>
      uploads.map(({ grant: { putLifetime, getLifetime } }) =>
        [putLifetime, getLifetime].map(Duration.toMinutes),
      ),
  );

it.effect("the object of a retry is signed for the rest of its lifetime", () =>
  Effect.gen(function* () {
    expect(yield* recalled(remembered("acme", 7))).toEqual([[7, 7]]);
  }),
);

it.effect("the receipt of a retry goes back to the time of the first request", () =>
  Effect.gen(function* () {
    const organization = OrganizationId.make("acme");
    const uploads = [{ key, grant, issuedAt: now }];
    const [upload] = yield* recall(remembered("acme", 7), { organization, uploads, now });
    expect(upload?.issuedAt).toEqual(issuedAt);
  }),
);

it.effect("the object of a retry is signed no longer than the policy now allows", () =>
  Effect.gen(function* () {
    expect(yield* recalled(remembered("acme", 7 * 24 * 60))).toEqual([[15, 24 * 60]]);
  }),
);

it.effect.each([
  { what: "an object of another organization", memory: remembered("globex", 7) },
  { what: "no key", memory: remembered("acme", 7).replace("orgs/", "") },
  { what: "no time", memory: remembered("acme", 7).replace("issuedAt", "at") },
  { what: "no JSON", memory: "orgs" },
  { what: "no object", memory: "[]" },
  { what: "two objects for one upload", memory: remembered("acme", 7, 2) },
])("a retry is not signed where what is remembered is $what", ({ memory }) =>
  Effect.gen(function* () {
    expect((yield* Effect.flip(recalled(memory)))._tag).toBe("LimitsUnavailable");
  }),
);

const started = (organization: string) =>
  JSON.stringify({
    key: `orgs/${organization}/files/2026/11/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png`,
    issuedAt: DateTime.toEpochMillis(now),
    uploadId: "the-upload-id",
  });

it.effect.each([
  { what: "an upload of another organization", memory: started("globex") },
  { what: "no key", memory: started("acme").replace("orgs/", "") },
  { what: "no JSON", memory: "orgs" },
  { what: "a presigned upload", memory: remembered("acme", 7) },
])("an upload in parts is not continued where what is remembered is $what", ({ memory }) =>
  Effect.gen(function* () {
    const organization = OrganizationId.make("acme");
    expect((yield* recallStart(started("acme"), organization)).uploadId).toBe("the-upload-id");
    expect((yield* Effect.flip(recallStart(memory, organization)))._tag).toBe("LimitsUnavailable");
  }),
);
