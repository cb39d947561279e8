import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import { expect, it } from "vitest";
import { organizationsFrom } from "../../adapters/embed/host.ts";
import { OrganizationId } from "../../domain/organization.ts";

/** The place that a host names for org_1, or the error in its stead. */
async function placeBy(storeOf: (organization: string) => unknown) {
  const { placeOf } = organizationsFrom(() => "org_1", storeOf);
  if (placeOf === undefined) throw new Error("It places none");
  const exit = await Effect.runPromiseExit(placeOf({ organization: OrganizationId.make("org_1") }));
  return Exit.isSuccess(exit) ? exit.value : Cause.squash(exit.cause);
}

it.each([
  ["eu", { store: "eu" }],
  [{ store: "eu" }, { store: "eu" }],
  [
    { store: "eu", from: "us" },
    { store: "eu", from: "us" },
  ],
  [{ store: "eu", from: undefined }, { store: "eu" }],
  [undefined, undefined],
  [null, undefined],
])("a host that says %j, also by a promise, places an organization there", async (said, place) => {
  const asked: Array<string> = [];
  const say = (organization: string) => {
    asked.push(organization);
    return said;
  };
  expect(await placeBy(say)).toEqual(place);
  expect(await placeBy(async (organization) => say(organization))).toEqual(place);
  expect(asked).toEqual(["org_1", "org_1"]);
});

it.each([
  "",
  "EU",
  "../eu",
  "__proto__",
  5,
  false,
  [],
  ["eu"],
  {},
  { from: "us" },
  { store: "eu", from: null },
  { store: "eu", from: "eu" },
])("what a host says that is no place is its fault, and places nothing", async (said) => {
  expect(await placeBy(() => said)).toMatchObject({
    name: "TypeError",
    message: expect.stringContaining("storeOf() must give"),
  });
});

const fail = () => {
  throw new Error("the table is locked");
};

it("a host that fails to say where an organization is places nothing", async () => {
  const unavailable = { _tag: "IdentityUnavailable", reason: "the table is locked" };
  expect(await placeBy(fail)).toMatchObject(unavailable);
  expect(await placeBy(async () => fail())).toMatchObject(unavailable);
});

it("a host without storeOf is asked of no place", () => {
  expect(organizationsFrom(() => "org_1").placeOf).toBeUndefined();
});
