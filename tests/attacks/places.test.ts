import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { startIssuer } from "../support/issuer.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { serve } from "../support/serve.ts";
import { FILE, serving } from "../http/several.ts";

const promise = Effect.promise;
const PRESIGN = "/api/v1/orgs/acme/files/presign";
const FILES = "/api/v1/orgs/acme/files";
const MEGABYTE = "e".repeat(1_000_000);

/** All that the stores hold, by their names. */
const everywhere = async (bytesIn: (store: string) => Promise<ReadonlyArray<string>>) =>
  Object.fromEntries(
    await Promise.all(
      ["default", "eu", "us"].map(async (store) => [store, await bytesIn(store)] as const),
    ),
  );

it.effect("no part of a request says which store a file goes to", () =>
  Effect.gen(function* () {
    const { caller, bytesIn, put } = yield* serving({ organizations: { org_1: "eu" } });
    const { ask, confirm } = caller();
    yield* promise(async () => {
      for (const member of [
        "store",
        "b",
        "from",
        "organization",
        "hint",
        "__proto__",
        "constructor",
      ]) {
        const body = JSON.stringify(FILE).replace("{", `{"${member}": "us", `);
        const { status } = await ask(PRESIGN, "", { body });
        expect(status, member).toBe(400);
      }
      const large = await ask(PRESIGN, { ...FILE, store: MEGABYTE });
      expect([large.status, large.body.code]).toEqual([413, "BODY_TOO_LARGE"]);
      const headers = { Store: "us", "X-Store": "us", "X-Organization-Id": "org_2", Host: "us" };
      for (const [address, more] of [
        [`${PRESIGN}?store=us&from=us&b=us`, {}],
        [PRESIGN, { headers }],
      ] as const) {
        const { status, body } = await ask(address, FILE, more);
        expect(status).toBe(200);
        expect((await put(body, "in-eu")).status).toBe(200);
        expect((await confirm(body.receipt)).status).toBe(200);
      }
      for (const path of ["us/acme", "us", "acme@us", "acme:us", "us..acme", "acme.us"]) {
        expect((await ask(`/api/v1/orgs/${path}/files/presign`, FILE)).status, path).toBe(404);
      }
      expect(await everywhere(bytesIn)).toEqual({
        default: [],
        eu: ["orgs/org_1 in-eu", "orgs/org_1 in-eu"],
        us: [],
      });
    });
  }),
);

it.effect("the claim of another issuer, or in another place of the token, places nothing", () =>
  Effect.gen(function* () {
    const { caller, bytesIn, issuer } = yield* serving();
    const thief = yield* promise(() => startIssuer("thief"));
    atTestEnd(thief.stop);
    yield* promise(async () => {
      const stolen = caller({ iss: issuer.url, store: "us" }, thief.sign);
      expect((await stolen.presign()).status).toBe(401);
      expect((await caller({ store: "us" }, thief.sign).presign()).status).toBe(401);
      await caller({ files: { store: "us" }, "/store": "us", Store: "us" }).upload("hello");
      expect(await everywhere(bytesIn)).toEqual({ default: ["orgs/org_1 hello"], eu: [], us: [] });
    });
  }),
);

it.effect.each<[string, unknown, number]>([
  ["__proto__", "__proto__", 401],
  ["constructor, a good name that no store has,", "constructor", 503],
  ["constructor of another organization", { constructor: "us" }, 200],
  ["an object that its prototype places", JSON.parse('{"__proto__": {"acme": "us"}}'), 401],
  ["a path", "../us", 401],
  ["a name with a null byte", "us\0", 401],
  ["a name in capitals", "US", 401],
  ["7,000 letters", "e".repeat(7000), 401],
  ["1 MB", MEGABYTE, 401],
  ["a list", ["us"], 401],
  ["a number", 5, 401],
])("a token whose store is %s gets nothing of another store", ([, store, status]) =>
  Effect.gen(function* () {
    const { caller, bytesIn } = yield* serving();
    yield* promise(async () => {
      const { presign, upload } = caller({ store });
      expect((await presign()).status).toBe(status);
      if (status === 200) await upload("hello");
      const inDefault = status === 200 ? ["orgs/org_1 hello"] : [];
      expect(await everywhere(bytesIn)).toEqual({ default: inDefault, eu: [], us: [] });
    });
  }),
);

it.effect.each<[string, string]>([
  ["__proto__", '{"stores": {"__proto__": {"adapter": "local", "directory": "/tmp/x"}}}'],
  ["a path", '{"stores": {"../x": {"adapter": "local", "directory": "/tmp/x"}}}'],
  ["1 MB", `{"stores": {"${MEGABYTE.slice(99)}": {"adapter": "local", "directory": "/tmp/x"}}}`],
  ["an organization __proto__", '{"stores": {}, "organizations": {"__proto__": "default"}}'],
  ["an organization with a path", '{"stores": {}, "organizations": {"org_1/..": "default"}}'],
  ["a store of objects, constructor,", '{"stores": {}, "organizations": {"org_1": "constructor"}}'],
  ["a place that is a list", '{"stores": {}, "organizations": {"org_1": ["default"]}}'],
  [
    "a place that moves to itself",
    '{"stores": {}, "organizations": {"org_1": {"store": "default", "from": "default"}}}',
  ],
])("a document that names %s changes nothing", ([, document]) =>
  Effect.gen(function* () {
    const { caller, bytesIn, change } = yield* serving({ organizations: { org_1: "eu" } });
    yield* change(document, "has a fault");
    yield* promise(async () => {
      await caller().upload("in-eu");
      expect(await everywhere(bytesIn)).toEqual({ default: [], eu: ["orgs/org_1 in-eu"], us: [] });
    });
  }),
);

it.effect("a document that names an organization twice has it in one store, that of the last", () =>
  Effect.gen(function* () {
    const { caller, bytesIn, change, text } = yield* serving({ organizations: { org_1: "eu" } });
    yield* change(text().replace('"org_1":"eu"', '"org_1":"eu","org_1":"us"'));
    yield* promise(async () => {
      await caller().upload("hello");
      expect(await everywhere(bytesIn)).toEqual({ default: [], eu: [], us: ["orgs/org_1 hello"] });
    });
  }),
);

it.effect(
  "two names with one id share its store and files, and two spellings are two organizations",
  () =>
    Effect.gen(function* () {
      const { caller, bytesIn } = yield* serving({ organizations: { org_1: "eu" } });
      const { upload, open, ask } = caller({
        organizations: { acme: "org_1", Acme: "org_2", alias: "org_1" },
        store: { acme: "us", Acme: "us", alias: "default" },
      });
      yield* promise(async () => {
        const one = await upload("first");
        const same = await upload("alias", "alias");
        const other = await upload("other", "Acme");
        expect(await everywhere(bytesIn)).toEqual({
          default: [],
          // The document decides by id, whatever a claim says of its names.
          eu: ["orgs/org_1 alias", "orgs/org_1 first"],
          us: ["orgs/org_2 other"],
        });
        const address = (file: typeof one) => file.confirmed.body.file_url as string;
        expect(await open(address(one).replace("/acme/", "/alias/"))).toBe("first");
        expect(await open(address(same).replace("/alias/", "/acme/"))).toBe("alias");
        for (const [file, from, to] of [
          [one, "/acme/", "/Acme/"],
          [other, "/Acme/", "/acme/"],
          [other, "/Acme/", "/ACME/"],
        ] as const) {
          expect((await ask(address(file).replace(from, to))).status).toBe(404);
        }
      });
    }),
);

it.effect(
  "a caller of two organizations whose claim names one store sees in each only its own files",
  () =>
    Effect.gen(function* () {
      const { caller, bytesIn } = yield* serving({ organizations: { org_2: "us" } });
      const both = caller({ store: "eu" });
      yield* promise(async () => {
        await both.upload("mine1");
        const theirs = await both.upload("other", "globex");
        expect(await everywhere(bytesIn)).toEqual({
          default: [],
          eu: ["orgs/org_1 mine1"],
          us: ["orgs/org_2 other"],
        });
        const listed = async (slug: string, claims: object) => {
          const { body } = await caller(claims).ask(`/api/v1/orgs/${slug}/files`);
          return (body.files as ReadonlyArray<{ key: string }>).map(({ key }) => key.split("/")[1]);
        };
        expect(await listed("acme", { store: "eu" })).toEqual(["org_1"]);
        // A claim of the store of others shows what the organization has there: nothing.
        expect(await listed("acme", { store: "us" })).toEqual([]);
        const address: string = theirs.confirmed.body.file_url;
        const moved = address.replace("/globex/", "/acme/");
        expect(await caller({ store: "us" }).open(moved)).toBe("404");
      });
    }),
);

const elsewhere = (url: string) => url.replace("/stores/eu/", "/stores/us/");

it.effect("what was signed or sealed for one store or organization is refused at another", () =>
  Effect.gen(function* () {
    const { caller, bytesIn, put, see } = yield* serving(
      { organizations: { org_1: "eu", org_2: "us" } },
      { STORAGE_POLICIES: '{"files": {"link_lifetime": "1 hour"}}' },
    );
    const { presign, ask, confirm, upload, link } = caller();
    yield* promise(async () => {
      await upload("in-us", "globex");
      const { body: granted } = await presign();
      expect(elsewhere(granted.put_url)).not.toBe(granted.put_url);
      for (const url of [
        elsewhere(granted.put_url),
        granted.put_url.replace("/stores/eu/", "/store/"),
        granted.put_url.replace("org_1", "org_2"),
      ]) {
        expect((await put({ ...granted, put_url: url }, "theft")).status).toBe(403);
      }
      // Nor does a receipt confirm at the other organization what is there by chance.
      expect((await confirm(granted.receipt, "globex")).status).toBe(404);
      const MULTIPART = `${FILES}/multipart`;
      const { body: begun } = await ask(MULTIPART, FILE);
      const parts = { upload: begun.upload, part_numbers: [1] };
      const atGlobex = MULTIPART.replace("acme", "globex");
      expect((await ask(`${atGlobex}/parts`, parts)).status).toBe(404);
      expect((await ask(atGlobex, { upload: begun.upload }, { method: "DELETE" })).status).toBe(
        404,
      );
      const { body: signed } = await ask(`${MULTIPART}/parts`, parts);
      const [part] = signed.parts;
      expect((await put({ ...part, url: elsewhere(part.url) }, "theft")).status).toBe(403);
      const { confirmed, receipt } = await upload("in-eu");
      expect((await ask(`${FILES}/links`.replace("acme", "globex"), { receipt })).status).toBe(404);
      const good = await link(receipt);
      expect(await see(good)).toBe("in-eu");
      const [start, version, id, content = "", mac] = good.split(/[.]|(?<=f\/)/).slice(-5);
      const sealed = JSON.parse(Buffer.from(content, "base64url").toString());
      for (const other of [
        { ...sealed, b: "us" },
        { ...sealed, k: sealed.k.replace("org_1", "org_2") },
      ]) {
        const forged = Buffer.from(JSON.stringify(other)).toString("base64url");
        expect(await see([`${start ?? ""}${version}`, id, forged, mac].join("."))).toBe("404");
      }
      const { status } = await ask(confirmed.body.file_url.replace("/acme/", "/globex/"));
      expect(status).toBe(404);
      expect(await everywhere(bytesIn)).toEqual({
        default: [],
        eu: ["orgs/org_1 in-eu"],
        us: ["orgs/org_2 in-us"],
      });
    });
  }),
);

/** Ways to upload: each gives its steps, and the file's address in the end. */
const WAYS = ["one PUT", "a PUT that waits", "a PUT that is announced", "parts"] as const;
const POLICIES = JSON.stringify({
  files: { link_lifetime: "1 hour" },
  waiting: { arrival: "incoming" },
  announced: { arrival: "incoming", announce: true },
});

type Serving = Effect.Success<ReturnType<typeof serving>>;

/** Begins an upload of `text`: to send it, and to confirm it. */
function begin(way: (typeof WAYS)[number], { caller, put }: Serving, text: string) {
  const { ask, confirm } = caller();
  const policy = { "one PUT": {}, "a PUT that waits": { policy: "waiting" } } as const;
  const begun = ask(way === "parts" ? `${FILES}/multipart` : PRESIGN, {
    ...FILE,
    ...(way === "a PUT that is announced"
      ? { policy: "announced" }
      : policy[way as keyof typeof policy]),
  });
  let etag = '"0"';
  return {
    begun,
    send: async () => {
      const { body } = await begun;
      if (way !== "parts") return put(body, text);
      const asked = { upload: body.upload, part_numbers: [1] };
      const { status, body: signed } = await ask(`${FILES}/multipart/parts`, asked);
      if (status !== 200) return { status, etag: "" };
      const sent = await put(signed.parts[0], text);
      etag = sent.etag;
      return sent;
    },
    confirm: async () => {
      const { body } = await begun;
      if (way !== "parts") return confirm(body.receipt);
      const parts = { upload: body.upload, parts: [{ part_number: 1, etag }] };
      return ask(`${FILES}/multipart/complete`, parts);
    },
  };
}

const IN_EU = { organizations: { org_1: "eu" } };

it.effect.each(WAYS)(
  "an upload by %s ends in the store where it began, whatever the document says meanwhile",
  (way) =>
    Effect.gen(function* () {
      const service = yield* serving(IN_EU, { STORAGE_POLICIES: POLICIES });
      const { caller, bytesIn, change } = service;
      const mine = begin(way, service, "in-eu");
      yield* promise(() => mine.begun);
      yield* change({ organizations: { org_1: "us", org_2: "eu" } });
      expect((yield* promise(mine.send)).status).toBe(200);
      yield* change({ organizations: { org_2: "eu" } });
      const { status, body } = yield* promise(mine.confirm);
      expect(status).toBe(200);
      expect(yield* promise(() => everywhere(bytesIn))).toEqual({
        default: [],
        eu: ["orgs/org_1 in-eu"],
        us: [],
      });
      // A neighbour in that store sees nothing of it, by any address.
      const { open, ask } = caller();
      const theirs = body.file_url.replace("/acme/", "/globex/");
      expect(yield* promise(() => open(theirs))).toBe("404");
      const listed = yield* promise(() => ask("/api/v1/orgs/globex/files"));
      expect(listed.body.files).toEqual([]);
      // It is not where its organization is now, until the document says so again.
      expect(yield* promise(() => open(body.file_url))).toBe("404");
      for (const place of [{ store: "us", from: "eu" }, "eu"]) {
        yield* change({ organizations: { org_1: place } });
        expect(yield* promise(() => open(body.file_url))).toBe("in-eu");
      }
    }),
);

it.effect.each(WAYS)(
  "of a store that was taken out during an upload by %s nothing is given or lost, and it goes on when the store is back",
  (way) =>
    Effect.gen(function* () {
      const service = yield* serving(IN_EU, { STORAGE_POLICIES: POLICIES });
      const { caller, bytesIn, change, see } = service;
      const { upload, open, link } = caller();
      const before = yield* promise(() => upload("first"));
      const linked = yield* promise(() => link(before.receipt));
      const mine = begin(way, service, "in-eu");
      yield* promise(() => mine.begun);
      yield* change({ stores: ["us"] });
      // Its bucket still takes what was signed.
      const isSent = (yield* promise(mine.send)).status === 200;
      expect(isSent).toBe(way !== "parts");
      const refused = yield* promise(mine.confirm);
      expect([refused.status, refused.body.code]).toEqual([503, "STORE_UNAVAILABLE"]);
      expect(yield* promise(() => open(before.confirmed.body.file_url))).toBe("404");
      expect(yield* promise(() => see(linked))).toBe("404");
      const { eu, ...others } = yield* promise(() => everywhere(bytesIn));
      expect(eu).toContain("orgs/org_1 first");
      expect(others).toEqual({ default: [], us: [] });
      yield* change(IN_EU);
      if (!isSent) expect((yield* promise(mine.send)).status).toBe(200);
      const { status, body } = yield* promise(mine.confirm);
      expect([status, yield* promise(() => open(body.file_url))]).toEqual([200, "in-eu"]);
      expect(yield* promise(() => see(linked))).toBe("first");
    }),
);

it.effect(
  "a directory that says another store each time keeps each upload in one, and mixes no organizations",
  () =>
    Effect.gen(function* () {
      const stores = ["eu", "us", "default"];
      let asked = 0;
      const { href } = yield* promise(() =>
        serve((request, response) => {
          const { searchParams } = new URL(request.url ?? "", "http://directory");
          const isAcme = searchParams.get("slug") === "acme" || searchParams.get("id") === "org_1";
          const store = stores[asked++ % stores.length];
          response.end(JSON.stringify({ id: isAcme ? "org_1" : "org_2", store }));
        }),
      );
      const { caller, put, bytesIn } = yield* serving({}, { ORGANIZATIONS_URL: href });
      yield* promise(async () => {
        for (const [text, slug] of [
          ["mine1", "acme"],
          ["other", "globex"],
          ["mine2", "acme"],
        ] as const) {
          // Each step by a caller whom the directory has not seen yet.
          const service = (step: string) => caller({ sub: `${text}-${step}`, gty: "client" });
          const { body } = await service("presign").presign(slug);
          expect((await put(body, text)).status).toBe(200);
          expect((await service("confirm").confirm(body.receipt, slug)).status).toBe(200);
        }
        const found = Object.values(await everywhere(bytesIn)).flat();
        expect(found.toSorted()).toEqual([
          "orgs/org_1 mine1",
          "orgs/org_1 mine2",
          "orgs/org_2 other",
        ]);
      });
    }),
);
