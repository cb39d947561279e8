import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { placement } from "../../../application/store/placement.ts";
import { IdentityUnavailable } from "../../../domain/errors.ts";
import { OrganizationId, OrganizationSlug } from "../../../domain/organization.ts";
import { type Place, StoreName } from "../../../domain/place.ts";
import type { Principal } from "../../../domain/principal.ts";

const [org1, org2] = [OrganizationId.make("org_1"), OrganizationId.make("org_2")];
const at = (store: string, from?: string): Place => ({
  store: StoreName.make(store),
  ...(from !== undefined && { from: StoreName.make(from) }),
});
const claims = (stores: Readonly<Record<string, string>>) =>
  new Map(
    Object.entries(stores).map(([slug, store]) => [
      OrganizationSlug.make(slug),
      StoreName.make(store),
    ]),
  );

/** Where org_1 is for a caller who names it `slug`, by what each of the four says. */
const placeOf = (
  said: {
    readonly document?: Place;
    readonly claim?: Principal["store"];
    readonly directory?: Place | IdentityUnavailable;
    readonly hint?: string;
  },
  slug: string | undefined = "acme",
) => {
  let asked = 0;
  const principal: Principal = {
    kind: "user",
    subject: "user-1",
    scopes: new Set(),
    organizations: "every",
    store: said.claim,
  };
  const decide = placement(
    () => new Map(said.document === undefined ? [[org2, at("other")]] : [[org1, said.document]]),
    {
      placeOf: () => {
        asked++;
        const { directory } = said;
        return directory instanceof IdentityUnavailable
          ? Effect.fail(directory)
          : Effect.succeed(directory);
      },
    },
  );
  return Effect.map(
    decide({
      organization: org1,
      caller: slug === "" ? undefined : { principal, slug: OrganizationSlug.make(slug) },
      hint: said.hint === undefined ? undefined : StoreName.make(said.hint),
    }),
    (place) => ({ place, asked }),
  );
};

const EVERYBODY = {
  document: at("eu", "us"),
  claim: StoreName.make("claimed"),
  directory: at("known", "left"),
  hint: "hinted",
};
const { document: _, ...WITHOUT_DOCUMENT } = EVERYBODY;

it.effect.each([
  ["of the document, if all disagree", EVERYBODY, "acme", at("eu", "us"), 0],
  ["of the claim, without an entry", WITHOUT_DOCUMENT, "acme", at("claimed"), 0],
  [
    "of the claim for the name in the address",
    { ...WITHOUT_DOCUMENT, claim: claims({ acme: "claimed", Acme: "other" }) },
    "acme",
    at("claimed"),
    0,
  ],
  [
    "of the directory, if the claim has another spelling of the name",
    { ...WITHOUT_DOCUMENT, claim: claims({ Acme: "claimed" }) },
    "acme",
    at("known", "left"),
    1,
  ],
  [
    "of the directory, if the claim has nothing of its own by that name",
    { ...WITHOUT_DOCUMENT, claim: claims({}) },
    "constructor",
    at("known", "left"),
    1,
  ],
  ["of the directory, without a caller", WITHOUT_DOCUMENT, "", at("known", "left"), 1],
  ["of the hint, if nobody else knows", { hint: "hinted" }, "", at("hinted"), 1],
  ["called default, if nobody knows", {}, "acme", at("default"), 1],
] as const)("an organization is in the store %s", ([, said, slug, place, asked]) =>
  Effect.map(placeOf(said, slug), (outcome) => expect(outcome).toEqual({ place, asked })),
);

it.effect("a directory that does not answer places nothing, whatever a hint says", () =>
  Effect.gen(function* () {
    const directory = new IdentityUnavailable({ reason: "it is down" });
    const failure = yield* Effect.flip(placeOf({ directory, hint: "hinted" }, ""));
    expect(failure).toBe(directory);
  }),
);
