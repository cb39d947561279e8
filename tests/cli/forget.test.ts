import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { existsSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import { eventsFile, sqliteOutbox } from "../../adapters/events/sqlite-outbox.ts";
import { embeddedStorage } from "../../adapters/storage/local/storage.ts";
import {
  forgetOrganization,
  type RemovalResult,
} from "../../application/files/forget-organization.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { StoreUnavailable } from "../../domain/errors.ts";
import { MediaType } from "../../domain/media-type.ts";
import { OrganizationId } from "../../domain/organization.ts";
import { incomingKey, type StorageKey, subjectFolder } from "../../domain/storage-key.ts";
import { SECRET } from "../events/backend.ts";
import { valetkey } from "../support/command-line.ts";
import { makeFolder } from "../support/make-folder.ts";

const directory = makeFolder();

const store = embeddedStorage({ bucket: "files", directory }, new URL("http://127.0.0.1:9")).layer;
const withStore = <A, E>(
  use: (store: ObjectStore["Service"]) => Effect.Effect<A, E, ObjectStore>,
) => Effect.runPromise(Effect.provide(Effect.flatMap(ObjectStore, use), store));

const key = (organization: string, at: number) =>
  `orgs/${organization}/files/2026/11/5007cd59-14b0-4a8f-9bfa-${String(at).padStart(12, "0")}.png` as StorageKey;
const OWN = [1, 2, 3].map((at) => key("org_1", at));

/** Makes files whose uploads still wait. */
const fill = (keys: ReadonlyArray<StorageKey>) =>
  withStore(({ copies, head }) =>
    Effect.forEach(keys, (to) =>
      Effect.gen(function* () {
        const from = incomingKey(to);
        yield* copies?.writeEmpty(from) ?? Effect.void;
        const { etag, size, version } = Option.getOrThrow(yield* head(from));
        const contentType = MediaType.make("image/png");
        const upload = { key: from, etag, size, version, to, contentType };
        return yield* copies?.copy(upload) ?? Effect.void;
      }),
    ),
  );
const isThere = (key: StorageKey) => withStore(({ head }) => Effect.map(head(key), Option.isSome));

beforeAll(() => fill([...OWN, key("org_2", 1), key("acme", 1)]));

const forget = async (...args: ReadonlyArray<string>) => {
  const { stdout, ...rest } = await valetkey(["forget", ...args], {
    STORAGE_LOCAL_DIR: directory,
    ORGANIZATIONS: "acme=org_1,globex=org_2",
    EVENTS_URL: "https://backend.example.com",
    EVENTS_SECRETS: SECRET,
  });
  const lines = stdout.split("\n").filter((line) => line !== "");
  return { ...rest, record: lines.map((line) => JSON.parse(line)) };
};

it("an organization is shown first, and what the store keeps is named with the reason", async () => {
  const { code, stderr, record } = await forget("--org", "acme");
  expect(code).toBe(0);
  expect(stderr).toContain("6 found of orgs/org_1/; nothing was removed. --apply removes it.");
  const keys = record.map(({ key }) => key);
  expect(keys.toSorted()).toEqual([...OWN, ...OWN.map(incomingKey)].toSorted());
  expect(await isThere(key("org_1", 1))).toBe(true);
  expect(existsSync(eventsFile(directory))).toBe(false);

  const told: Array<RemovalResult> = [];
  const refusing = (kind: StoreUnavailable["kind"], isTemporary = false) =>
    withStore((own) => {
      const remove: ObjectStore["Service"]["remove"] = (object) =>
        object.key === OWN[1]
          ? Effect.fail(new StoreUnavailable({ kind, isTemporary, reason: "it is locked" }))
          : own.remove(object);
      const organization = OrganizationId.make("org_1");
      const request = { organization, apply: true, keepsMarks: false };
      return Effect.provideService(
        Effect.result(forgetOrganization({ ...request, report: (each) => void told.push(each) })),
        ObjectStore,
        { ...own, remove },
      );
    });
  expect((await refusing("unreachable"))._tag).toBe("Failure");
  expect((await refusing("refused", true))._tag).toBe("Failure");
  told.splice(0);
  expect((await refusing("refused"))._tag).toBe("Success");
  expect(told.filter(({ kept }) => kept !== undefined)).toEqual([
    { key: OWN[1], version: undefined, size: 0, kept: "it is locked" },
  ]);
  expect(await isThere(key("org_1", 2))).toBe(true);
  await fill(OWN);
});

it("with --apply an organization has nothing left, others have all, and again finds nothing", async () => {
  const { code, stderr, record } = await forget("--org", "acme", "--apply");
  expect([code, record.length]).toEqual([0, 6]);
  expect(stderr).toContain("6 removed of orgs/org_1/.");
  expect(stderr).toContain("Backups, replicas");
  const at = expect.stringMatching(/Z$/);
  expect(record[0]).toEqual({ key: expect.any(String), size: 0, at });
  for (const key of OWN) expect(await isThere(key)).toBe(false);
  const kept = await Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(sqliteOutbox(directory), ({ list }) => list("waiting", { limit: 100 })),
    ),
  );
  const data = { organization: "org_1", subject: "valetkey forget" };
  expect(kept.map(({ body }) => JSON.parse(body))).toMatchObject(
    OWN.map((key) => ({ type: "upload.removed", data: { key, ...data, size: 0 } })),
  );
  for (const other of ["org_2", "acme"]) expect(await isThere(key(other, 1))).toBe(true);
  expect((await forget("--org", "acme", "--apply")).record).toEqual([]);
});

it("a person is forgotten with the person's folder, and nothing beside it", async () => {
  const fileOf = async (kind: "user" | "service") => {
    const folder = await Effect.runPromise(subjectFolder({ kind, subject: "ada@example.com" }));
    return key("org_1", 1).replace("files", folder) as StorageKey;
  };
  const own = await fileOf("user");
  const others = [
    await fileOf("service"),
    own.replace("org_1", "org_2") as StorageKey,
    key("org_1", 2),
  ];
  const shown = own.replace("org_1/", "org_1/public/") as StorageKey;
  await fill([own, shown, ...others]);
  const { code, stderr, record } = await forget(
    "--org",
    "acme",
    "--subject",
    "ada@example.com",
    "--apply",
  );
  const removed = [incomingKey(own), incomingKey(shown), shown, own].toSorted();
  expect([code, record.map(({ key }) => key).toSorted()]).toEqual([0, removed]);
  expect(stderr).toContain(`4 removed of ${own.split("/").slice(0, 3).join("/")}/.`);
  for (const each of [own, shown]) expect(await isThere(each)).toBe(false);
  for (const other of others) expect(await isThere(other)).toBe(true);
});

it("a name that is no organization's is refused before the store is asked", async () => {
  const { code, stderr } = await forget("--org", "a.b", "--apply");
  expect(code).toBe(64);
  expect(stderr).toContain("--org must be a name of ORGANIZATIONS");
});
