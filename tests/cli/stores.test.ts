import * as Effect from "effect/Effect";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { embeddedStorage } from "../../adapters/storage/local/storage.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import type { StoreUnavailable } from "../../domain/errors.ts";
import { incomingKey, StorageKey } from "../../domain/storage-key.ts";
import { valetkey } from "../support/command-line.ts";
import { makeFolder } from "../support/make-folder.ts";
import { startS3 } from "../support/s3-server.ts";

const UPLOAD = incomingKey(
  StorageKey.make("orgs/org_1/files/2026/11/00000000-0000-4000-8000-000000000000.txt"),
);

const use = <A>(
  directory: string,
  work: (store: ObjectStore["Service"]) => Effect.Effect<A, StoreUnavailable>,
) => {
  const { layer } = embeddedStorage({ bucket: "files", directory }, new URL("http://127.0.0.1:9"));
  return Effect.runPromise(Effect.provide(ObjectStore.use(work), layer));
};

/** Variables of two stores beside the default one, each a folder with an upload of an organization. */
async function folders(more: object = {}, organizations: object = {}) {
  const made = ["default", "eu", "us"].map((name) => ({ name, directory: makeFolder() }));
  for (const { directory } of made)
    await use(directory, ({ copies }) => copies?.writeEmpty(UPLOAD) ?? Effect.void);
  const [own, ...named] = made;
  const stores = named.map(({ name, directory }) => [name, { adapter: "local", directory }]);
  const document = { stores: { ...Object.fromEntries(stores), ...more }, organizations };
  return {
    /** The stores that have it still. */
    left: async () => {
      const found = await Promise.all(
        made.map(async ({ name, directory }) => ({
          name,
          isThere: await use(directory, ({ list }) =>
            Effect.map(
              list?.objects({ prefix: "incoming/orgs/", limit: 9 }) ??
                Effect.die("it does not list"),
              (page) => page.found.length > 0,
            ),
          ),
        })),
      );
      return found.flatMap(({ name, isThere }) => (isThere ? name : []));
    },
    env: { STORAGE_LOCAL_DIR: own?.directory ?? "", STORES: JSON.stringify(document) },
  };
}

it("an organization is forgotten in all stores, and in one where that is named", async () => {
  const { env, left } = await folders();
  const forget = ["forget", "--org", "org_1", "--apply"];
  const one = await valetkey([...forget, "--store", "eu"], env);
  expect([one.code, await left()]).toEqual([0, ["default", "us"]]);
  const all = await valetkey(forget, env);
  expect([all.code, await left()]).toEqual([0, []]);
  const lines = all.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.map(({ store }) => store)).toEqual(["default", "us"]);
  expect(all.stderr).toContain("us: 1 removed of orgs/org_1/.");
});

it("an organization that moves is forgotten in its old store first, so that a copy under way is undone", async () => {
  for (const [from, store] of [
    ["us", "eu"],
    ["eu", "us"],
  ]) {
    const { env, left } = await folders({}, { org_1: { store, from } });
    const { code, stdout } = await valetkey(["forget", "--org", "org_1", "--apply"], env);
    expect([code, await left()]).toEqual([0, []]);
    const lines = stdout.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).store)).toEqual([from, "default", store]);
  }
});

it("a default store that nothing configures is not made by commands for all stores", async () => {
  const { env, left } = await folders({}, { org_1: { store: "eu", from: "us" } });
  const folder = join(makeFolder(), "missing");
  const unset = { ...env, STORAGE_LOCAL_DIR: folder };
  for (const command of ["sweep --apply", "usage", "forget --org org_1 --apply"]) {
    const { code, stdout, stderr } = await valetkey(command.split(" "), unset);
    expect([code, stderr, existsSync(folder)]).toEqual([
      0,
      expect.not.stringMatching(/^default: /m),
      false,
    ]);
    if (!command.startsWith("forget")) continue;
    const lines = stdout.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).store)).toEqual(["us", "eu"]);
  }
  expect(await left()).toEqual(["default"]);
});

it("a command for one store asks for its name where there is no default one, and makes none", async () => {
  const { env } = await folders();
  const folder = join(makeFolder(), "missing");
  const unset = { ...env, STORAGE_LOCAL_DIR: folder };
  for (const command of ["doctor", "cors --origin https://app.example", "lifecycle", "policy"]) {
    const { code, stdout, stderr } = await valetkey(command.split(" "), unset);
    const message = "There is no default store: name one with --store (eu, us).\n";
    const answer = { command, code, stdout, stderr };
    expect(answer).toEqual({ command, code: 64, stdout: "", stderr: message });
    expect(existsSync(folder)).toBe(false);
  }
  const named = await valetkey(["cors", "--origin", "https://app.example", "--store", "eu"], unset);
  expect(named.code).toBe(0);
  const none = await valetkey(["sweep"], { ...unset, STORES: '{"stores":{}}' });
  expect([none.code, none.stderr]).toEqual([64, expect.stringContaining("STORES has none")]);
  expect(existsSync(folder)).toBe(false);
});

it("what cannot be done in one store is done in the others, and said", async () => {
  const away = {
    adapter: "minio",
    endpoint: "http://127.0.0.1:9",
    access_key: "a-key",
    secret_key: { variable: "AWAY" },
  };
  const { env, left } = await folders({ away });
  const all = await valetkey(["forget", "--org", "org_1", "--apply"], {
    ...env,
    AWAY: "a-secret-key",
  });
  expect([all.code, await left()]).toEqual([1, []]);
  expect(all.stderr).toMatch(/^away: Not all was removed: fetch failed/m);
});

it("a name that no store has is refused with those that there are", async () => {
  const { env } = await folders();
  for (const command of [
    "doctor",
    "certify",
    "cors",
    "lifecycle",
    "policy",
    "events setup",
    "sweep",
    "forget --org a",
  ]) {
    const words = command.split(" ");
    const { code, stderr } = await valetkey([...words, "--store", "asia"], env);
    expect([command, code > 0, stderr]).toEqual([
      command,
      true,
      expect.stringContaining("--store must be one of default, eu, us, the stores of STORES"),
    ]);
  }
});

it("a store is examined by its own settings, whatever is wrong with others", async () => {
  const { env } = await startS3();
  const {
    STORAGE_ENDPOINT: endpoint,
    STORAGE_ACCESS_KEY: access_key,
    STORAGE_SECRET_KEY: AWAY,
    STORAGE_REGION: region,
  } = env;
  const eu = {
    adapter: "minio",
    endpoint,
    bucket: "files",
    access_key,
    secret_key: { variable: "EU" },
    region,
  };
  const us = { adapter: "nobodys" };
  const given = { STORES: JSON.stringify({ stores: { eu, us } }), EU: `${AWAY}` };
  const { stdout } = await valetkey(["doctor", "--store", "eu"], given);
  expect(stdout).toContain(`${endpoint}`);
  const wrong = { ...given, EU: "another-secret-key" };
  const refused = await valetkey(["doctor", "--store", "eu"], wrong);
  expect([refused.code, refused.stdout]).toEqual([
    1,
    expect.stringMatching(/Mend: correct access_key and secret_key/),
  ]);
  const { stderr } = await valetkey(["cors", "--store", "us"], given);
  expect(stderr).toContain("/stores/us/adapter");
});

it("notifications of a store with a name come to its own address", async () => {
  const { env } = await startS3();
  const eu = {
    adapter: "minio",
    endpoint: `${env["STORAGE_ENDPOINT"]}`,
    access_key: "a-key",
    secret_key: { variable: "EU" },
  };
  const given = {
    STORES: JSON.stringify({ stores: { eu } }),
    EU: "a-secret-key",
    PUBLIC_URL: "https://files.example.com",
  };
  const { stdout } = await valetkey(["events", "setup", "--store", "eu"], given);
  expect(stdout).toContain("https://files.example.com/api/v1/events/s3/eu");
});
