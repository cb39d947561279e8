import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import { readAll } from "../../adapters/service/settings.ts";
import { sentenceFor } from "../../adapters/settings/setting.ts";
import { VARIABLES } from "../../adapters/settings/source.ts";
import { serve } from "../support/serve.ts";
import { type Document, serving } from "./several.ts";

const promise = Effect.promise;

/** A directory that says these stores of organizations by id, whoever asks. */
const directory = (places: Readonly<Record<string, object>>) =>
  promise(async () => {
    const asked: Array<string> = [];
    const ids = new Map([
      ["acme", "org_1"],
      ["globex", "org_2"],
    ]);
    const { href } = await serve((request, response) => {
      const { searchParams, search } = new URL(request.url ?? "", "http://directory");
      asked.push(search);
      const id = searchParams.get("id") ?? ids.get(searchParams.get("slug") ?? "") ?? "";
      const isKnown = Object.hasOwn(places, id);
      response.writeHead(isKnown ? 200 : 404, { "Content-Type": "application/json" });
      response.end(JSON.stringify({ id, ...places[id] }));
    });
    return { asked, env: { ORGANIZATIONS_URL: href } };
  });

const LINKS = { STORAGE_POLICIES: '{"files": {"link_lifetime": "1 hour"}}' };

it.effect("each file is in the store of its organization, and opens by its own address alone", () =>
  Effect.gen(function* () {
    const { caller, bytesIn, see } = yield* serving(
      { organizations: { org_1: "eu", org_2: "us" } },
      LINKS,
    );
    const { upload, open, link } = caller();
    yield* promise(async () => {
      const mine = await upload("in-eu");
      const theirs = await upload("in-us", "globex");
      const nobodys = await caller({ organizations: { initech: "org_3" } }).upload(
        "other",
        "initech",
      );
      expect(await bytesIn("eu")).toEqual(["orgs/org_1 in-eu"]);
      expect(await bytesIn("us")).toEqual(["orgs/org_2 in-us"]);
      expect(await bytesIn("default")).toEqual(["orgs/org_3 other"]);
      expect(await open(mine.confirmed.body.file_url)).toBe("in-eu");
      expect(await open(theirs.confirmed.body.file_url)).toBe("in-us");
      expect(await see(await link(theirs.receipt, "globex"))).toBe("in-us");
      // The keys and addresses say nothing of stores.
      for (const { key, confirmed } of [mine, theirs, nobodys]) {
        expect(`${key} ${confirmed.body.file_url}`).not.toMatch(/\b(?:eu|us|default|stores?)\b/);
      }
    });
  }),
);

it.effect.each<[string, Document, object, object, string]>([
  ["the document", { organizations: { org_1: "eu" } }, { store: "us" }, { store: "default" }, "eu"],
  ["the claim", {}, { store: "us" }, { store: "eu" }, "us"],
  ["the claim by name", {}, { store: { acme: "us", Acme: "eu" } }, { store: "eu" }, "us"],
  ["the directory", {}, { store: { globex: "us" } }, { store: "eu" }, "eu"],
  ["nobody", {}, {}, {}, "default"],
])("if they disagree, %s says where a file is", ([, document, claims, told, store]) =>
  Effect.gen(function* () {
    const { env } = yield* directory({ org_1: told });
    const { caller, bytesIn, see } = yield* serving(document, { ...LINKS, ...env });
    const { upload, open, link } = caller(claims);
    yield* promise(async () => {
      const { receipt, confirmed } = await upload("hello");
      for (const each of ["default", "eu", "us"]) {
        expect(await bytesIn(each), each).toEqual(each === store ? ["orgs/org_1 hello"] : []);
      }
      expect(await open(confirmed.body.file_url)).toBe("hello");
      // A stranger has no claim, and the directory comes before a hint.
      const isByClaim = store === "us";
      expect(await see(await link(receipt))).toBe(isByClaim ? "404" : "hello");
    });
  }),
);

/** What a link says, for whoever has it. */
const contentOf = (url = "") =>
  JSON.parse(Buffer.from(url.split(".").at(-2) ?? "", "base64url").toString());

it.effect("a link carries the store only where a claim places its file, and opens it there", () =>
  Effect.gen(function* () {
    const { caller, see, change } = yield* serving({}, LINKS);
    const placed = caller({ store: "eu" });
    const [file, unplaced] = yield* promise(async () => [
      await placed.upload("in-eu"),
      await caller().upload("other", "globex"),
    ]);
    const [link, other] = yield* promise(async () => [
      await placed.link(file?.receipt),
      await caller().link(unplaced?.receipt, "globex"),
    ]);
    expect(contentOf(link)).toMatchObject({ b: "eu" });
    expect(contentOf(other)).not.toHaveProperty("b");
    expect(yield* promise(() => see(link ?? ""))).toBe("in-eu");
    expect(yield* promise(() => see(other ?? ""))).toBe("other");
    // Once the document knows better, as after a move, the hint no longer counts.
    yield* change({ organizations: { org_1: "us" } });
    expect(yield* promise(() => see(link ?? ""))).toBe("404");
  }),
);

const PUBLIC = {
  JWT_STORE_CLAIM: "",
  STORAGE_POLICIES: '{"avatars": {"public": true, "allowed_types": ["text/plain"]}}',
};
const AVATAR = { policy: "avatars" };

it.effect("a public file opens for everybody from its organization's store", () =>
  Effect.gen(function* () {
    const { asked, env } = yield* directory({ org_1: { store: "us" }, org_2: { store: "eu" } });
    const { caller, see, bytesIn } = yield* serving(
      { organizations: { org_2: "us" } },
      { ...PUBLIC, ...env },
    );
    yield* promise(async () => {
      const { upload } = caller();
      const { public_url: mine } = await upload("first", "acme", AVATAR);
      const { public_url: theirs } = await upload("other", "globex", AVATAR);
      expect(await bytesIn("us")).toEqual(["orgs/org_1 first", "orgs/org_2 other"]);
      for (let times = 0; times < 3; times++) {
        expect([await see(mine), await see(theirs)]).toEqual(["first", "other"]);
      }
      // Once in a minute, and never for one that the document names.
      expect(asked.filter((each) => each.includes("?id="))).toEqual(["?id=org_1"]);
      // Of an organization that nobody knows, there is nothing to see.
      expect(await see(mine.replace("org_1", "org_9"))).toBe("404");
      expect(await see(mine.replace("org_1", "org_2"))).toBe("404");
    });
  }),
);

it.each([
  [
    "public policies, which strangers read without a claim",
    { ...PUBLIC, JWT_STORE_CLAIM: "store" },
    "JWT_STORE_CLAIM",
  ],
  [
    "a claim of stores without stores",
    { JWT_STORE_CLAIM: "store", STORES: "" },
    "STORES must be set where JWT_STORE_CLAIM is",
  ],
])("the service does not start with %s", (_, env, reason) => {
  const read = readAll({
    AUTH: "jwt",
    JWT_ISSUER: "me",
    JWT_AUDIENCE: "valetkey",
    JWT_JWKS_URL: "http://127.0.0.1:1/",
    RECEIPT_KEYS: "test:aFl3NYEj7TIvWQUaZB1PoKBmVR6zBFcPCyBXNl9bqZ8=",
    STORES: '{"stores": {}}',
    ...env,
  });
  expect(
    Result.isFailure(read) && read.failure.map((fault) => sentenceFor(fault, VARIABLES)),
  ).toEqual([expect.stringContaining(reason)]);
});

it.effect.each<[string, object, object]>([
  ["claim", { store: "moon" }, {}],
  ["claim by name", { store: { acme: "moon" } }, { store: "eu" }],
  ["directory", {}, { store: "moon" }],
  ["directory, as where files are from", {}, { store: "eu", from: "moon" }],
])(
  "the name of a store that is not there, in the %s, is 503 and one line of the log",
  ([, claims, told]) =>
    Effect.gen(function* () {
      const { env } = yield* directory({ org_1: told });
      const { caller, bytesIn, log } = yield* serving({}, env);
      const before = log.length;
      const { status, headers, body } = yield* promise(() => caller(claims).presign());
      expect([status, body.code]).toEqual([503, "STORE_UNAVAILABLE"]);
      expect(headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
      expect(JSON.stringify(body)).not.toMatch(/moon|org_1/);
      const lines = log.slice(before).filter((line) => line.includes("moon"));
      expect(lines).toEqual([expect.stringMatching(/org_1.*moon|moon.*org_1/)]);
      for (const store of ["default", "eu", "us"]) {
        expect(yield* promise(() => bytesIn(store))).toEqual([]);
      }
    }),
);

it.effect(
  "without a default store, an organization that nobody places is 503 and has no file",
  () =>
    Effect.gen(function* () {
      const { caller, bytesIn, log, change } = yield* serving(
        { organizations: { org_1: "eu" } },
        { STORAGE_ADAPTER: "" },
      );
      const { presign } = caller();
      expect((yield* promise(() => presign("acme"))).status).toBe(200);
      const { status, body } = yield* promise(() => presign("globex"));
      expect([status, body.code]).toEqual([503, "STORE_UNAVAILABLE"]);
      expect(log.filter((line) => line.includes("there is no store default"))).toEqual([
        expect.stringMatching("org_2: .*set STORAGE_ADAPTER"),
      ]);
      expect(yield* promise(() => bytesIn("default"))).toEqual([]);
      yield* change({ organizations: { org_2: "default" } }, "it names the store default");
      yield* change({ organizations: { org_2: "us" } });
      expect((yield* promise(() => presign("globex"))).status).toBe(200);
    }),
);
