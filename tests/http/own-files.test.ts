import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import ipaddr from "ipaddr.js";
import { expect, it } from "vitest";
import { sealNames } from "../../application/tokens.ts";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import { StoreUnavailable } from "../../domain/errors.ts";
import { FileName } from "../../domain/file-name.ts";
import { KeyTemplate, subjectFolder } from "../../domain/storage-key.ts";
import type { UploadPolicy } from "../../domain/upload-policy.ts";
import { tokensOf } from "../../adapters/tokens/tokens.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { embedded, startService, TOKEN_KEY, withStore } from "./service.ts";

const FILES = "/api/v1/orgs/acme/files";
const IDENTITY = {
  callers: {
    auth: "forward",
    trusted: [ipaddr.parseCIDR("127.0.0.1/32")],
    user: "x-user",
    organizations: "x-groups",
    scopes: "x-scopes",
  },
  organizations: {},
} as const;

const key = (folders: string) =>
  Schema.decodeSync(KeyTemplate)(`orgs/{organization}/${folders}/{id}{extension}`);
const OWN: Partial<UploadPolicy> = {
  arrival: "incoming",
  verifyContent: false,
  key: key("{subject}/{year}"),
};

interface Listed {
  readonly key: string;
  readonly filename?: string;
  readonly path?: string;
  readonly content_type: string;
}

/** The service over the embedded store, for people whom a proxy has signed in. */
async function start(
  policies: Readonly<Record<string, Partial<UploadPolicy>>> = { own: OWN },
  change: (store: ObjectStore["Service"]) => ObjectStore["Service"] = (store) => store,
) {
  const { layer, put, directory } = embedded();
  const service = await startService({
    storage: withStore(layer, change),
    identity: IDENTITY,
    policies,
  });
  const as = (user: string, scopes = "write,read,confirm,mine") => {
    const headers = {
      // A header has bytes.
      "X-User": Buffer.from(user).toString("latin1"),
      "X-Groups": "acme",
      "X-Scopes": scopes,
    };
    const ask = async (path: string, body?: object, method?: string) => {
      const init = { headers, ...(method && { method }) };
      const answer = await service.send(path, body, init);
      return { status: answer.status, ...answer.body };
    };
    const upload = async (file: object = {}) => {
      const asked = { filename: "a.png", content_type: "image/png", size: 5, policy: "own" };
      const granted = await ask(`${FILES}/presign`, { ...asked, ...file });
      if (granted.status !== 200) return granted;
      await put(granted.put_url, granted.put_headers);
      return ask(`${FILES}/confirm`, { receipt: granted.receipt });
    };
    const list = async (query: string): Promise<ReadonlyArray<Listed>> =>
      (await ask(`${FILES}?${query}`)).files;
    const open = ({ file_url }: { readonly file_url: string }, method?: string) =>
      ask(new URL(file_url).pathname, undefined, method);
    const remove = (file: { readonly file_url: string }) => open(file, "DELETE");
    return { ask, upload, list, open, remove };
  };
  return { as, directory };
}

const named = (files: ReadonlyArray<Listed>) => files.map(({ filename }) => filename);

it("the scope mine lists, opens and removes one's own files, and nobody else's", async () => {
  const { as } = await start();
  const [mia, ann] = [as("mia", "write,confirm,mine"), as("ann")];
  const hers = await mia.upload();
  const other = await ann.upload();
  expect((await mia.list("mine=true")).map(({ key }) => key)).toEqual([hers.key]);
  expect((await mia.open(hers)).status).toBe(302);
  expect(await mia.open(other)).toMatchObject({ status: 403, scope: "read", own: "mine" });
  expect((await ann.open(hers)).status).toBe(302);
  expect(await mia.remove(other)).toMatchObject({ status: 403, scope: "remove", own: "mine" });
  expect(await mia.ask(FILES)).toMatchObject({ status: 403, scope: "list", own: "mine" });
  expect(await mia.ask(`${FILES}?mine=false`)).toMatchObject({ status: 403, scope: "list" });
  const { detail } = await mia.ask(`${FILES}?prefix=2026`);
  expect(detail).toContain(
    "list, or mine for files in the caller's own folder (listed with mine=true)",
  );
  expect((await ann.list("mine=true")).length).toBe(1);
  const plain = as("mia", "write,read,confirm");
  expect(await plain.ask(`${FILES}?mine=true`)).toMatchObject({ status: 403, own: "mine" });
  expect(await plain.remove(hers)).toMatchObject({ status: 403, scope: "remove" });
  expect((await mia.remove(hers)).status).toBe(204);
  expect(await mia.list("mine=true")).toEqual([]);
});

it("the scopes list and remove are as wide as before, and mine=true narrows a list", async () => {
  const { as } = await start();
  await as("mia").upload();
  const other = await as("ann").upload();
  const admin = as("mia", "list,remove");
  expect((await admin.list("")).length).toBe(2);
  expect((await admin.list("mine=true")).length).toBe(1);
  expect((await admin.remove(other)).status).toBe(204);
});

it.each(["ann/../mia", "u-0123456789abcdef0123456789abcdef", "mia/", "*", "é/😀", "__proto__"])(
  "the folder of the subject %s is its own",
  async (subject) => {
    const { as } = await start();
    const hers = await as("mia").upload();
    const caller = as(subject);
    expect(await caller.list("mine=true")).toEqual([]);
    expect((await caller.remove(hers)).status).toBe(403);
    const own = await caller.upload();
    expect((await caller.list("mine=true")).map(({ key }) => key)).toEqual([own.key]);
    expect((await caller.remove(own)).status).toBe(204);
  },
);

it("a person's folder cannot be reached by after, prefix or a key with other folders first", async () => {
  const { as } = await start();
  const other = await as("ann").upload();
  const folder = await Effect.runPromise(subjectFolder({ kind: "user", subject: "ann" }));
  const mia = as("mia");
  const within = other.key.slice("orgs/acme/".length);
  expect(await mia.list(`mine=true&after=${folder}/`)).toEqual([]);
  for (const prefix of [folder, `${folder}/2026`, "2026", "files", "public"]) {
    const { status, detail } = await mia.ask(`${FILES}?mine=true&prefix=${prefix}`);
    expect([prefix, status]).toEqual([prefix, 400]);
    if (prefix !== "files") expect(detail).toBe("With mine=true, leave prefix out.");
  }
  for (const path of [`avatars/${within}`, within.toUpperCase(), `${folder}/../${within}`]) {
    const { status } = await mia.ask(`${FILES}/${path}`, undefined, "DELETE");
    expect([403, 404]).toContain(status);
  }
});

it("with a file, the embedded store removes its names", async () => {
  const { as, directory } = await start();
  const kept = () =>
    readdirSync(join(directory, "objects"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name));
  const mia = as("mia");
  const file = await mia.upload();
  expect(kept()).toHaveLength(2);
  await mia.remove(file);
  // The mark by which no confirm makes it again.
  expect(kept()).toEqual([expect.stringMatching(/re.moved/)]);
});

it("one's own public files are listed with the prefix public, and removed", async () => {
  const { as } = await start({
    own: OWN,
    again: { ...OWN, key: key("{subject}") },
    shown: { ...OWN, public: true, key: key("public/{subject}") },
  });
  const [mia, ann] = [as("mia"), as("ann")];
  const shown = await mia.upload({ policy: "shown" });
  const other = await ann.upload({ policy: "shown" });
  await mia.upload();
  expect((await mia.list("mine=true&prefix=public")).map(({ key }) => key)).toEqual([shown.key]);
  expect((await mia.list("mine=true")).length).toBe(1);
  const { detail } = await mia.ask(`${FILES}?mine=true&prefix=2026`);
  expect(detail).toBe("With mine=true, leave prefix out or send prefix=public.");
  expect((await mia.remove(other)).status).toBe(403);
  expect((await mia.remove(shown)).status).toBe(204);
});

it("a service has a folder that is not that of a person of its name", async () => {
  const policies = { own: OWN };
  const { send } = await startService({ policies, storage: embedded().layer });
  const asked = { filename: "a.png", content_type: "image/png", size: 5, policy: "own" };
  const keyOf = async (token: string) => {
    const headers = { Authorization: `Bearer ${token}` };
    return (await send(`${FILES}/presign`, asked, { headers })).body.key;
  };
  expect(await keyOf("test-token-of-the-http-tests")).toMatch(/^orgs\/org_1\/u-/);
  expect(await keyOf("test-token-of-a-service")).toMatch(/^orgs\/org_1\/s-/);
  const headers = { Authorization: "Bearer test-token-of-a-service" };
  const listed = await send(`${FILES}?mine=true`, undefined, { headers });
  expect([listed.status, listed.body.files]).toEqual([200, []]);
});

it("where no key has {subject}, mine=true is refused with what to do", async () => {
  const { as } = await start({});
  const { status, code, detail } = await as("mia").ask(`${FILES}?mine=true`);
  expect([status, code]).toEqual([400, "INVALID_REQUEST"]);
  expect(detail).toContain("a policy whose key has {subject}");
});

it("details name what the service copied, with any characters, and its folder", async () => {
  const { as } = await start({ own: OWN, direct: { key: key("{subject}/direct") } });
  const mia = as("mia");
  // 255 bytes, in characters of four.
  const names = ["😀".repeat(63), "__proto__", "a\"b'c%00;é 你.png", "CON"];
  for (const filename of names) await mia.upload({ filename, path: `Ünï/${filename}` });
  await mia.upload({ filename: "direct.png", policy: "direct" });
  const files = await mia.list("mine=true&details=true");
  expect(new Set(named(files))).toEqual(new Set([...names, undefined]));
  for (const { filename, path, content_type } of files) {
    expect(path).toBe(filename && `Ünï/${filename}`);
    expect(content_type).toBe("image/png");
  }
  expect(named(await mia.list("mine=true"))).toEqual(names.map(() => undefined).concat(undefined));
});

it("a name that was sealed for another file, by another service, or by nobody is not shown", async () => {
  const sealed: Array<string> = [];
  let shown: string | undefined;
  const { as } = await start({ own: OWN }, (store) => ({
    ...store,
    head: (key) =>
      Effect.map(
        store.head(key),
        Option.map((facts) => {
          if (facts.names !== undefined) sealed.push(facts.names);
          return { ...facts, names: shown };
        }),
      ),
  }));
  const mia = as("mia");
  const first = await mia.upload({ filename: "first.png" });
  const second = await mia.upload({ filename: "second.png" });
  const nameOf = async (key: string) =>
    (await mia.list("mine=true&details=true")).find((each) => each.key === key)?.filename;
  [shown] = sealed;
  expect([await nameOf(first.key), await nameOf(second.key)]).toEqual(["first.png", undefined]);
  const others = tokensOf([{ ...TOKEN_KEY, secret: receiptKey("another") }]);
  const names = { key: first.key, filename: FileName.make("forged.png") };
  for (shown of [sealNames(others, names), "first.png", "", undefined, "v1.test.eA.eA"]) {
    expect(await nameOf(first.key)).toBe(undefined);
  }
});

const DOWN = new StoreUnavailable({ kind: "timeout", reason: "a test" });
it.each([
  ["fails", DOWN],
  ["does not answer", Effect.never],
])("a store that %s for one file costs its name, and not the page", async (_, answer) => {
  let broken: string | undefined;
  const { as } = await start({ own: OWN }, (store) => ({
    ...store,
    head: (key) => (key === broken ? answer : store.head(key)),
  }));
  const mia = as("mia");
  const { key } = await mia.upload({ filename: "a.png" });
  await mia.upload({ filename: "b.png" });
  broken = key;
  const files = await mia.list("mine=true&details=true");
  expect(new Set(named(files))).toEqual(new Set(["b.png", undefined]));
});

it("of ten thousand files, each page costs one list, and with details a look at each file", async () => {
  const keys = Array.from(
    { length: 10_000 },
    (_, at) =>
      `orgs/acme/files/2026/11/${String(at).padStart(8, "0")}-14b0-4a8f-9bfa-7debee4b183d.png`,
  );
  let [lists, heads, under, most] = [0, 0, 0, 0];
  const { as } = await start({}, (store) => ({
    ...store,
    head: () =>
      Effect.suspend(() => {
        heads += 1;
        most = Math.max(most, ++under);
        return Effect.as(Effect.yieldNow, Option.none());
      }).pipe(Effect.ensuring(Effect.sync(() => under--))),
    list: {
      objects: ({ after = "", limit }) => {
        lists += 1;
        const found = keys.filter((key) => key > after).slice(0, limit);
        const next = found.length === limit ? { next: found.at(-1) ?? "" } : {};
        return Effect.succeed({
          found: found.map((key) => ({ key, size: 1, etag: '"a"', age: 0, storedAt: 0 })),
          ...next,
        });
      },
    },
  }));
  const admin = as("admin", "list");
  const costs: Array<unknown> = [];
  for (const query of ["", "limit=7", "details=true", "details=true&limit=1000"]) {
    for (const after of [keys[0], keys[5000]]) {
      [lists, heads] = [0, 0];
      const from = after?.slice("orgs/acme/".length);
      const { length } = await admin.list(`${query}&after=${from}`);
      costs.push([length, lists, heads]);
    }
  }
  const [all, few, detailed] = [
    [1000, 1, 0],
    [7, 1, 0],
    [100, 1, 100],
  ];
  expect(costs).toEqual([all, all, few, few, detailed, detailed, detailed, detailed]);
  expect(most).toBe(8);
});
