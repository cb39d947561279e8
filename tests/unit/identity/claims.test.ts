import { expect, it } from "vitest";
import { claimAt, organizationsIn, scopesIn, storeIn } from "../../../adapters/identity/claims.ts";

/** As they come out of a token, with members that a literal could not have. */
const claims: unknown = JSON.parse(`{
  "sub": "user-1",
  "https://acme.example/orgs": ["acme"],
  "realm_access": { "roles": ["a", "b"], "none": null },
  "a/b": { "c~d": "tilde and slash", "~1": "spelt as an escape" },
  "resource.with.dots": "dots",
  "": "no name",
  "__proto__": { "sub": "someone-else" }
}`);

it.each([
  ["sub", "user-1"],
  ["https://acme.example/orgs", ["acme"]],
  ["resource.with.dots", "dots"],
  ["/realm_access/roles", ["a", "b"]],
  ["/realm_access/roles/1", "b"],
  ["/realm_access/none", null],
  ["/sub", "user-1"],
  ["/a~1b/c~0d", "tilde and slash"],
  ["/a~1b/~01", "spelt as an escape"],
  ["/", "no name"],
])("a claim is found by %j", (path, value) => {
  expect(claimAt(claims, path)).toEqual(value);
});

it("a claim is found by the name __proto__ only if the token has such a member", () => {
  expect(claimAt(claims, "/__proto__/sub")).toBe("someone-else");
  expect(claimAt({}, "__proto__")).toBeUndefined();
  expect(claimAt({ a: {} }, "/a/__proto__")).toBeUndefined();
});

const NOWHERE = `
  constructor toString /constructor/name /sub/length /sub/0 /realm_access/roles/2
  /realm_access/none/x realm_access/roles realm_access.roles /https:~1~1acme.example missing
  /missing/deeper`;

it.each(NOWHERE.trim().split(/\s+/))("there is no claim at %j", (path) => {
  expect(claimAt(claims, path)).toBeUndefined();
});

it.each([undefined, null, "text", 5])("there is no claim in %j", (value) => {
  expect(claimAt(value, "sub")).toBeUndefined();
  expect(claimAt(value, "/length")).toBeUndefined();
});

it.each<[unknown, Readonly<Record<string, string>>]>([
  ["acme", { acme: "acme" }],
  [["acme", "globex"], { acme: "acme", globex: "globex" }],
  [[], {}],
  [
    { acme: "org_1", globex: "org_2" },
    { acme: "org_1", globex: "org_2" },
  ],
  // What Keycloak's mapper of organizations gives, with and without their ids.
  [
    { acme: { id: "42c3e46f-2477-44d7-a85b-d3b43f6b31fa" } },
    { acme: "42c3e46f-2477-44d7-a85b-d3b43f6b31fa" },
  ],
  [{ acme: {} }, { acme: "acme" }],
  [{ acme: null }, { acme: "acme" }],
  [{ acme: { id: null } }, { acme: "acme" }],
  [{ acme: { roles: ["admin"] } }, { acme: "acme" }],
])("organizations are read from %j", (claim, expected) => {
  expect(Object.fromEntries(organizationsIn(claim))).toEqual(expected);
});

it.each<[unknown]>([
  [undefined],
  [null],
  [5],
  [""],
  ["acme\n"],
  ["a".repeat(64)],
  [[["acme"]]],
  [[5, null, {}]],
  [{ acme: "" }],
  [{ acme: "../org_2" }],
  [{ acme: { id: "a/b" } }],
  [{ acme: { id: 5 } }],
  [{ acme: ["org_1"] }],
  [{ acme: false }],
])("there are no organizations in %j", (claim) => {
  expect([...organizationsIn(claim)]).toEqual([]);
});

it("organizations with an invalid name are left out, and the others stay", () => {
  expect([...organizationsIn(["acme", "Acme", "a..", "../globex", "globex"]).keys()]).toEqual([
    "acme",
    "Acme",
    "globex",
  ]);
  expect([...organizationsIn({ acme: "org_1", globex: "a b", "": "org_3" })]).toEqual([
    ["acme", "org_1"],
  ]);
});

it("organizations are not looked up among the properties that every object has", () => {
  const organizations = organizationsIn(JSON.parse('{"__proto__": "org_1", "acme": {}}'));
  expect([...organizations.keys()]).toEqual(["acme"]);
  // The name is canonical, so whoever is vouched for has it; and nobody else.
  expect([...organizationsIn(["constructor"]).keys()]).toEqual(["constructor"]);
});

it("organizations have no id from what an object inherits", () => {
  const inherits = Object.create({ id: "org_9" }) as object;
  expect([...organizationsIn({ acme: inherits })]).toEqual([["acme", "acme"]]);
});

it.each<[unknown, string | ReadonlyArray<readonly [string, string]>]>([
  ["eu", "eu"],
  ["default", "default"],
  // A name as good as any other, which no object of stores has by itself.
  ["constructor", "constructor"],
  [{}, []],
  [{ acme: "eu", Acme: "us" }, Object.entries({ acme: "eu", Acme: "us" })],
  [JSON.parse('{"constructor": "eu"}'), [["constructor", "eu"]]],
  [Object.create({ acme: "eu" }), []],
])("stores are read from %j", (claim, expected) => {
  const stores = storeIn(claim);
  expect(typeof stores === "object" ? [...stores] : stores).toEqual(expected);
});

it.each<[unknown]>([
  [undefined],
  [null],
  [5],
  [true],
  [""],
  ["EU"],
  ["eu\n"],
  ["../eu"],
  ["__proto__"],
  ["e".repeat(64)],
  ["e".repeat(1_000_000)],
  [["eu"]],
  [[]],
  [{ acme: null }],
  [{ acme: ["eu"] }],
  [{ acme: { store: "eu" } }],
  [{ acme: "eu", globex: "EU" }],
  [{ "": "eu" }],
  [{ ["a".repeat(1_000_000)]: "eu" }],
  [JSON.parse('{"__proto__": "eu"}')],
  [JSON.parse('{"acme": "eu", "__proto__": {"globex": "us"}}')],
])("a claim of stores that is malformed in any member is none", (claim) => {
  expect(storeIn(claim)).toBeUndefined();
});

it.each<[unknown, string, ReadonlyArray<string>]>([
  [["write", "read"], "", ["write", "read"]],
  ["write read confirm", "", ["write", "read", "confirm"]],
  ["openid  profile write", "", ["write"]],
  ["files:write files:read read", "files:", ["write", "read"]],
  [["files:write", "write", "other:read"], "files:", ["write"]],
  ["files:files:write", "files:", []],
  ["write,read", "", []],
  ["WRITE", "", []],
  ["writer", "", []],
  [["write read"], "", []],
  [[["write"]], "", []],
  [{ write: true }, "", []],
  ["", "", []],
  [undefined, "", []],
  [null, "", []],
  [5, "", []],
  ["constructor", "", []],
])("%j with the prefix %j gives the scopes %j", (claim, prefix, expected) => {
  expect([...scopesIn(claim, prefix)]).toEqual(expected);
});
