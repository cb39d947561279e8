import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import { readAll } from "../../adapters/service/settings.ts";
import { sentenceFor } from "../../adapters/settings/setting.ts";
import { VARIABLES } from "../../adapters/settings/source.ts";
import { serve } from "../support/serve.ts";
import { serving } from "./several.ts";

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

const PUBLIC = {
  JWT_STORE_CLAIM: "",
  STORAGE_POLICIES: '{"avatars": {"public": true, "allowed_types": ["text/plain"]}}',
};

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
        expect.stringContaining("org_2"),
      ]);
      expect(yield* promise(() => bytesIn("default"))).toEqual([]);
      yield* change({ organizations: { org_2: "default" } }, "it names the store default");
      yield* change({ organizations: { org_2: "us" } });
      expect((yield* promise(() => presign("globex"))).status).toBe(200);
    }),
);
