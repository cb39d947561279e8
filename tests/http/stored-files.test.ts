import ipaddr from "ipaddr.js";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import fc from "fast-check";
import { expect, it } from "vitest";
import { OPERATIONS } from "../../adapters/http/app/routes.ts";
import { type Lists } from "../../application/ports/object-store.ts";
import { WINDOWS } from "../../application/files/open-file.ts";
import { LinkLifetime } from "../../domain/link.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import { KeyTemplate, subjectFolder } from "../../domain/storage-key.ts";
import { embeddedStore } from "../support/embedded-store.ts";
import { startService, withStore } from "./service.ts";
import { tries } from "../support/tries.ts";

const FILES = "/api/v1/orgs/acme/files";
const NAME = "5007cd59-14b0-4a8f-9bfa-7debee4b183d.png";
const FIRST = `orgs/org_1/files/2026/11/${NAME}`;

async function start(over: Parameters<typeof startService>[0] = {}) {
  const { layer } = await embeddedStore().open();
  const policy = { linkLifetime: LinkLifetime.make(Duration.hours(1)), ...over.policy };
  const storage = Layer.orDie(layer);
  const service = await startService({ storage, ...over, policy });
  const ask = async (path: string, asked?: object, method?: string) => {
    const { status, body } = await service.send(
      path,
      asked,
      method === undefined ? {} : { method },
    );
    return { status, ...body };
  };
  const upload = async (body = "12345", policy?: string) => {
    const asked = { filename: "a.png", content_type: "image/png", size: 5, policy };
    const granted = await ask(`${FILES}/presign`, asked);
    const { put_url: url, put_headers: headers, key, receipt } = granted;
    const put = async () => (await fetch(url, { method: "PUT", headers, body })).status;
    expect(await put()).toBe(200);
    const path = `${FILES}/${key.slice("orgs/org_1/files/".length)}`;
    const confirm = () => ask(`${FILES}/confirm`, { receipt });
    return { key, receipt, path, put, confirm, getUrl: granted.get_url };
  };
  return { ...service, ask, upload };
}

it("a file opens for the shortest get_lifetime of the policies that can have made its key", async () => {
  const folders = Schema.decodeSync(KeyTemplate);
  const brief = { key: folders("orgs/{organization}/brief/{year}/{id}{extension}") };
  const { upload, send } = await start({
    policies: {
      brief: { ...brief, getLifetime: Lifetime.make(Duration.hours(1)) },
      briefer: { ...brief, getLifetime: Lifetime.make(Duration.minutes(5)) },
    },
  });
  const secondsOpen = async (policy?: string) => {
    const { confirm } = await upload("12345", policy);
    const { file_url } = await confirm();
    const asked = { headers: { Accept: "application/json" } };
    const { body } = await send(new URL(file_url).pathname, undefined, asked);
    return (Date.parse(body.expires_at) - Date.now()) / 1000;
  };
  const day = 24 * 60 * 60;
  expect(await secondsOpen("brief")).toBeLessThanOrEqual(5 * 60);
  expect(await secondsOpen()).toBeGreaterThan(day - day / WINDOWS - 60);
});

it("a file cannot be removed while the store is down, and its address still redirects", async () => {
  const { send } = await startService();
  const path = `${FILES}/2026/11/${NAME}`;
  const { status, body } = await send(path, undefined, { method: "DELETE" });
  expect([status, body.code]).toEqual([503, "STORE_UNAVAILABLE"]);
  expect((await send(path)).status).toBe(302);
});

it("a caller whose identity names no scopes may neither list nor remove", async () => {
  const { request } = await start({
    identity: {
      callers: {
        auth: "forward",
        trusted: [ipaddr.parseCIDR("127.0.0.1/32")],
        user: "x-user",
        organizations: "x-groups",
      },
      organizations: {},
    },
  });
  const headers = { "X-User": "mia", "X-Groups": "acme" };
  const answer = await request(`${FILES}/2026/11/${NAME}`, { method: "DELETE", headers });
  expect([answer.status, (await answer.json()).scope]).toEqual([403, "remove"]);
  const listed = await request(FILES, { headers });
  expect([listed.status, (await listed.json()).scope]).toEqual([403, "list"]);
});

it("files are listed by their keys, by year or month, and page by page", async () => {
  const { ask, upload } = await start({ policy: { arrival: "incoming", verifyContent: false } });
  const uploads = [await upload(), await upload("54321"), await upload()];
  const keys = uploads.map(({ key }) => key).toSorted();
  for (const { confirm } of uploads) expect((await confirm()).status).toBe(200);
  await upload();
  const { files, ...rest } = await ask(FILES);
  expect(rest).toEqual({ status: 200 });
  expect(files.map(({ key }: { readonly key: string }) => key)).toEqual(keys);
  const [first] = uploads;
  expect(files.find(({ key }: { readonly key: string }) => key === first?.key)).toEqual({
    key: first?.key,
    size: 5,
    content_type: "image/png",
    stored_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    file_url: `https://uploads.example.com${first?.path}`,
  });
  const [year = "", month = "", name = ""] = keys[0].slice("orgs/org_1/files/".length).split("/");
  const listed = async (query: string) => (await ask(`${FILES}?${query}`)).files.length;
  expect(await listed(`prefix=${year}`)).toBe(3);
  expect(await listed(`prefix=${year}/${month}`)).toBe(3);
  expect(await listed(`prefix=${Number(year) - 1}`)).toBe(0);
  expect(await listed(`after=files/${year}/${month}/${name}`)).toBe(2);
  expect((await ask(`${FILES.replace("acme", "globex")}`)).status).toBe(404);
});

it("a page of the list has 1000 files, as the store dates them, and names what comes after", async () => {
  const asked: Array<unknown> = [];
  const { layer } = await embeddedStore().open();
  const objects: Lists["objects"] = (below) => {
    asked.push(below);
    const found = [FIRST, "orgs/org_1/files/2026/11/of-others"];
    const each = found.map((key) => ({ key, size: 1, etag: '"a"', age: 0, storedAt: 61_001 }));
    return Effect.succeed({ found: each, next: found[1] ?? "" });
  };
  const storage = withStore(layer, (store) => ({ ...store, list: { objects } }));
  const { ask } = await start({ storage });
  const page = await ask(FILES);
  expect(page).toMatchObject({
    files: [{ key: FIRST, stored_at: "1970-01-01T00:01:01.001Z" }],
    next: "files/2026/11/of-others",
  });
  await ask(`${FILES}?after=${page.next}`);
  expect(asked).toEqual([
    { prefix: "orgs/org_1/", after: undefined, limit: 1000 },
    {
      prefix: "orgs/org_1/",
      after: "orgs/org_1/files/2026/11/of-others",
      limit: 1000,
    },
  ]);
});

it.each([
  "prefix=..%2F..%2Fglobex",
  "prefix=2026%2F13",
  "prefix=files%2F2026%2F11",
  "prefix=Avatars",
  "prefix=avatars%2F",
  `prefix=${"a%2F".repeat(8)}a`,
  `after=${"a".repeat(1025)}`,
  "limit=0",
  "limit=1001",
  "limit=1e2",
  "limit=",
  "mine=1",
  "details",
  "limits=5",
])("a list with %s is refused, and the store is not asked", async (query) => {
  const { status, body } = await (await startService()).send(`${FILES}?${query}`);
  expect([status, body.code]).toEqual([400, "INVALID_REQUEST"]);
});

const ownKeys = (folders: string, arrival: "direct" | "incoming" = "incoming") => ({
  own: {
    arrival,
    verifyContent: false,
    linkLifetime: LinkLifetime.make(Duration.hours(1)),
    key: Schema.decodeSync(KeyTemplate)(`orgs/{organization}/${folders}/{id}{extension}`),
  },
});

it.each([
  "avatars",
  "avatars/{year}/{month}/{day}",
  "{subject}/avatars",
  "incoming/removed/orgs",
  // The paths of operations.
  "policies",
  "multipart/parts/{year}",
])("a file of a policy whose files go to %s has all that others have", async (folders) => {
  const { ask, upload } = await start({ policies: ownKeys(folders) });
  const others = await upload();
  expect((await others.confirm()).status).toBe(200);
  const { key, receipt, confirm, put, getUrl } = await upload("12345", "own");
  expect(await ask(FILES)).toMatchObject({ files: [{ key: others.key }] });
  const state = async () => (await ask(`${FILES}/${key.slice("orgs/org_1/".length)}/state`)).state;
  expect(await state()).toBe("waiting");
  const { file_url, status } = await confirm();
  expect(status).toBe(200);
  expect(await state()).toBe("ready");
  const within = key.slice("orgs/org_1/".length);
  const own = await Effect.runPromise(subjectFolder({ kind: "user", subject: "developer" }));
  expect(within).toMatch(
    new RegExp(
      `^${folders.replace("{subject}", own).replaceAll(/\{\w+\}/g, "[0-9]{2,4}")}/[0-9a-f-]{36}\\.png$`,
    ),
  );
  expect(file_url).toBe(`https://uploads.example.com${FILES}/${within}`);
  const path = new URL(file_url).pathname;
  const { link_url } = await ask(`${FILES}/links`, { receipt });
  const open = async () => [
    (await ask(path)).status,
    (await ask(new URL(link_url).pathname)).status,
    (await fetch(getUrl)).status,
  ];
  expect(await open()).toEqual([302, 302, 200]);
  const all = await ask(FILES);
  expect(all.files.length).toBe(2);
  expect(all.files).toContainEqual(expect.objectContaining({ key, file_url }));
  const [, prefix = ""] = /^(.*)\/[^/]*$/.exec(within) ?? [];
  for (const each of [prefix, prefix.split("/")[0]]) {
    expect((await ask(`${FILES}?prefix=${each}`)).files).toEqual([
      expect.objectContaining({ key }),
    ]);
  }
  expect(await ask(path, undefined, "DELETE")).toEqual({ status: 204 });
  expect(await open()).toEqual([404, 404, 404]);
  expect(await state()).toBe("missing");
  // Its key does not tell when it was granted.
  expect(await put()).toBe(200);
  expect(await confirm()).toMatchObject({ status: 404, code: "NOT_FOUND" });
  expect((await ask(others.path)).status).toBe(302);
});

it("whatever way an upload is sent, its key is as its policy says", async () => {
  const { ask } = await start({ policies: ownKeys("avatars", "direct") });
  const file = { filename: "a.png", content_type: "image/png", policy: "own" };
  const one = await ask(`${FILES}/presign`, { ...file, size: 5 });
  const { policy, ...bare } = { ...file, size: 5 };
  const several = await ask(`${FILES}/batch`, { policy, files: [bare, bare] });
  const inParts = await ask(`${FILES}/multipart`, { ...file, size: 5 });
  const keys = [one, ...several.uploads, inParts].map(({ key }) => key);
  expect(new Set(keys).size).toBe(4);
  for (const key of keys) expect(key).toMatch(/^orgs\/org_1\/avatars\/[0-9a-f-]{36}\.png$/);
});

it("no address, state, list or removal of a file reaches beyond the caller's organization", async () => {
  const asked: Array<string> = [];
  const { layer } = await embeddedStore().open();
  const storage = withStore(layer, (store) => ({
    ...store,
    head: (key) => store.head(key).pipe(Effect.tap(() => Effect.sync(() => asked.push(key)))),
    remove: (object) => {
      asked.push(object.key);
      return Effect.void;
    },
    list: {
      objects: (below) => {
        asked.push(below.prefix);
        return Effect.succeed({ found: [] });
      },
    },
  }));
  const { ask } = await start({ storage, policies: ownKeys("avatars") });
  const names = [
    "files",
    "avatars",
    "incoming",
    "removed",
    "orgs",
    "org_2",
    "globex",
    "2026",
    "11",
  ];
  const bad = ["", "..%2f", "%2F", "\\", "Avatars", NAME.toUpperCase(), `${NAME}/`];
  const piece = fc.constantFrom(NAME, ...names, ...bad);
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 6 }), async (pieces) => {
      const path = pieces.join("/");
      for (const method of ["GET", "DELETE"]) {
        const { status } = await ask(`${FILES}/${path}`, undefined, method);
        expect([204, 404]).toContain(status);
      }
      expect([200, 404]).toContain((await ask(`${FILES}/${path}/state`)).status);
      expect([200, 400]).toContain((await ask(`${FILES}?prefix=${path}`)).status);
    }),
    {
      numRuns: tries(500),
      examples: [[["avatars", NAME]], [["2026", "11", NAME]], [["2026", "11"]], [["avatars"]]],
    },
  );
  expect(asked).toContain("orgs/org_1/avatars/");
  expect(asked).toContain("orgs/org_1/files/2026/11/");
  expect(asked).toContain(`orgs/org_1/avatars/${NAME}`);
  expect(asked).toContain(`incoming/orgs/org_1/avatars/${NAME}`);
  expect(asked.filter((each) => !/^(?:incoming\/)?orgs\/org_1\/[^%\\]*$/.test(each))).toEqual([]);
});

it.each([
  `${FILES}/Avatars/${NAME}`,
  `${FILES}/avatars/${NAME.toUpperCase()}`,
  `${FILES}/avatars/${NAME}/`,
  `${FILES}/avatars//${NAME}`,
  `${FILES}/avatars%2F${NAME}`,
  `${FILES}/files/2026/11/${NAME}`,
  `${FILES}/2026/11/..%2F..%2F..%2Fglobex%2Ffiles%2F2026%2F11%2F${NAME}`,
  `${FILES}/${"a/".repeat(9)}${NAME}`,
  `/api/v1/orgs/globex/files/avatars/${NAME}`,
])("%s is not the address of a file", async (path) => {
  const { send } = await startService();
  expect((await send(`${FILES}/avatars/${NAME}`)).status).toBe(302);
  for (const method of ["GET", "DELETE"]) {
    expect((await send(path, undefined, { method })).status).toBe(404);
  }
});

it("an address with a policy's folders needs a token, and accepts only GET and DELETE", async () => {
  const { request } = await startService();
  expect((await request(`${FILES}/avatars/${NAME}`)).status).toBe(401);
  const posted = await request(`${FILES}/multipart/${NAME}`, { method: "POST" });
  expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, DELETE"]);
});

it("no operation is at the address of a file", () => {
  const paths = Object.values(OPERATIONS).flatMap((each) =>
    "deepPaths" in each && each.deepPaths !== undefined ? [] : [each.path],
  );
  expect(paths.length).toBeGreaterThan(10);
  expect(paths.filter((path) => /\.|:(?!slug)/.test(path))).toEqual([]);
});
