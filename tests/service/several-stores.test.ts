import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Logger from "effect/Logger";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeApplication } from "../../adapters/service/application.ts";
import { readAll } from "../../adapters/service/settings.ts";
import { RECHECK } from "../../adapters/settings/json-file.ts";
import { FILE, presignInit } from "../http/service.ts";
import { makeFolder } from "../support/make-folder.ts";
import { until } from "../support/until.ts";

const TOKEN = "a-token-0123456789";

/** A store that nobody runs, since signing does not need it. */
const minioAt = (name: string, more: object = {}) => ({
  adapter: "minio",
  endpoint: `https://${name}.example.com`,
  bucket: `files-${name}`,
  access_key: `key-of-${name}`,
  secret_key: { variable: "SECRET" },
  ...more,
});

/** A service with a document of stores, and what its log says. */
const serving = Effect.fnUntraced(function* (document: object, env: object = {}) {
  const folder = makeFolder();
  const path = join(folder, "stores.json");
  const log: Array<string> = [];
  const write = (stores: object) => writeFileSync(path, JSON.stringify(stores));
  write(document);
  const settings = Result.getOrThrow(
    readAll({
      DEV_TOKEN: TOKEN,
      SECRET: "a-secret-of-stores",
      STORAGE_ADAPTER: "local",
      STORAGE_LOCAL_DIR: folder,
      STORES: path,
      ...env,
    }),
  );
  const { fetch } = yield* makeApplication(settings, undefined, () => false).pipe(
    Effect.provide(Logger.layer([Logger.make(({ message }) => log.push(String(message)))])),
  );
  const isSaid =
    (said: string, before = 0) =>
    () =>
      log.slice(before).some((line) => line.includes(said));
  yield* Effect.promise(() => until("the first look", isSaid("was read")));
  const ask = async (path: string, init: RequestInit = {}, token = TOKEN) => {
    const headers = { ...init.headers, Authorization: `Bearer ${token}` };
    const request = new Request(`http://127.0.0.1:8787${path}`, { ...init, headers });
    return fetch(request, { address: "127.0.0.1" });
  };
  return {
    log,
    ask,
    /** Asks for an upload, and returns the status or the host that takes it. */
    presign: async (organization: string, body: unknown = FILE) => {
      const answer = await ask(`/api/v1/orgs/${organization}/files/presign`, presignInit(body));
      return answer.ok ? new URL((await answer.json()).put_url).host : answer.status;
    },
    /** Asks for an upload, and sends it to its embedded store. */
    upload: async (organization: string, policy = "files") => {
      const body = { ...FILE, policy };
      const answer = await ask(`/api/v1/orgs/${organization}/files/presign`, presignInit(body));
      const granted = await answer.json();
      const headers = { ...granted.put_headers, "Content-Length": "5" };
      const { pathname, search } = new URL(granted.put_url);
      await ask(`${pathname}${search}`, { method: "PUT", headers, body: "hello" });
      return granted;
    },
    /** Writes the document, and lets time pass until the log says so. */
    change: Effect.fnUntraced(function* (stores: object, said = "was read") {
      const before = log.length;
      write(stores);
      yield* TestClock.adjust(RECHECK);
      yield* Effect.promise(() => until(said, isSaid(said, before)));
    }),
  };
});

const [eu, us] = [minioAt("eu"), minioAt("us")];

it.effect("each organization uploads to its own store, others to the default one", () =>
  Effect.gen(function* () {
    const { presign } = yield* serving({
      stores: { eu, us },
      organizations: { acme: "eu", globex: { store: "us" } },
    });
    const hosts = yield* Effect.promise(() =>
      Promise.all(["acme", "globex", "other"].map((name) => presign(name))),
    );
    expect(hosts).toEqual(["eu.example.com", "us.example.com", "127.0.0.1:8787"]);
  }),
);

it.effect("a changed document counts for requests that begin after it", () =>
  Effect.gen(function* () {
    const { presign, change, log } = yield* serving({
      stores: { eu },
      organizations: { acme: "eu" },
    });
    expect(yield* Effect.promise(() => presign("acme"))).toBe("eu.example.com");
    yield* change({
      stores: { eu: { ...eu, endpoint: "https://new.example.com" }, us },
      organizations: { acme: "eu", other: "us" },
    });
    expect(yield* Effect.promise(() => presign("acme"))).toBe("new.example.com");
    expect(yield* Effect.promise(() => presign("other"))).toBe("us.example.com");
    yield* change(
      { stores: { us }, organizations: { acme: "eu" } },
      "has a fault: /organizations/acme: it names the store eu",
    );
    expect(yield* Effect.promise(() => presign("acme"))).toBe("new.example.com");
    expect(
      log.filter((line) => line.includes("the stores that it had stay in force")),
    ).toHaveLength(1);
  }),
);

it.effect("embedded stores answer below /stores by their names", () =>
  Effect.gen(function* () {
    const folder = makeFolder();
    const store = (name: string) => ({ adapter: "local", directory: join(folder, name) });
    const { ask, upload, log } = yield* serving(
      {
        stores: { eu: store("eu"), us: store("us"), minio: eu },
        organizations: { acme: "eu", globex: "us", other: "minio" },
      },
      {
        STORAGE_POLICIES: JSON.stringify({
          checked: { arrival: "incoming", announce: true, verify_content: false },
        }),
      },
    );
    for (const [organization, name] of [
      ["acme", "eu"],
      ["globex", "us"],
      ["elsewhere", undefined],
    ] as const) {
      const sent = yield* Effect.promise(() => upload(organization, "checked"));
      const path = name === undefined ? "/store/" : `/stores/${name}/`;
      expect(new URL(sent.put_url).pathname).toMatch(path);
      // Confirmed once its bytes are there, without its client.
      const file = new URL(sent.get_url).pathname.replace(/.*orgs\/\w+/, "");
      const state = yield* Effect.promise(async () =>
        (await ask(`/api/v1/orgs/${organization}${file}/state`)).json(),
      );
      expect(state).toMatchObject({ state: "ready" });
    }
    for (const path of ["/stores/none/a", "/stores/minio/a", "/stores/", "/stores/__proto__/a"]) {
      const answer = yield* Effect.promise(() => ask(path));
      expect([path, answer.status]).toEqual([path, 404]);
    }
    expect(log.filter((line) => line.includes("could not be confirmed"))).toEqual([]);
  }),
);

it.effect("a policy that a store cannot keep is not there, as the log says once", () =>
  Effect.gen(function* () {
    const google = {
      adapter: "gcs",
      endpoint: "https://gcs.example.com",
      bucket: "files",
      access_key: "GOOG1E000",
      secret_key: { variable: "SECRET" },
    };
    const { log, ask, presign, change } = yield* serving(
      { stores: { eu, google }, organizations: { acme: "eu", globex: "google" } },
      { STORAGE_POLICIES: JSON.stringify({ checked: { arrival: "incoming" } }) },
    );
    const file = { ...FILE, policy: "checked" };
    expect(yield* Effect.promise(() => presign("acme", file))).toBe("eu.example.com");
    expect(yield* Effect.promise(() => presign("globex", file))).toBe(400);
    expect(yield* Effect.promise(() => presign("globex"))).toBe("gcs.example.com");
    const listed = yield* Effect.promise(async () =>
      (await ask("/api/v1/orgs/globex/files/policies")).json(),
    );
    expect(listed.policies.map(({ name }: { readonly name: string }) => name)).toEqual(["files"]);
    yield* change({ stores: { eu, google }, organizations: { acme: "eu" } });
    expect(log.filter((line) => line.startsWith("a policy is not there"))).toEqual([
      expect.stringMatching(
        "^a policy is not there in the store google: /checked/arrival: it is incoming",
      ),
    ]);
  }),
);

it.effect(
  "notifications of a store with a name come to its own address, and count for it alone",
  () =>
    Effect.gen(function* () {
      const secret = "a-secret-of-notifications";
      const { ask } = yield* serving(
        { stores: { eu, us }, organizations: {} },
        { NOTIFICATIONS_SECRETS: secret },
      );
      const tell = async (path: string, bucket: string, token = secret) => {
        const s3 = { bucket: { name: bucket }, object: { key: "orgs/a" } };
        const body = JSON.stringify({ Records: [{ eventName: "ObjectCreated:Put", s3 }] });
        const answer = await ask(`/api/v1/events/${path}`, { method: "POST", body }, token);
        return [answer.status, await answer.json()];
      };
      yield* Effect.promise(async () => {
        const ignored = [200, { confirmed: 0, refused: 0, ignored: 1 }];
        expect(await tell("s3/eu", "files-eu")).toEqual(ignored);
        expect(await tell("s3/us", "files-eu")).toEqual(ignored);
        for (const path of ["s3/asia", "gcs/eu", "s3/__proto__", "s3/default"]) {
          expect([path, (await tell(path, "files"))[0]]).toEqual([path, 404]);
        }
        for (const path of ["s3/eu", "s3/asia"]) {
          expect((await tell(path, "files-eu", "another"))[0]).toBe(401);
        }
      });
    }),
);
