import * as Duration from "effect/Duration";
import { expect, it } from "vitest";
import { retryMemory } from "../../adapters/limits/retry-memory.ts";
import { OrganizationId } from "../../domain/organization.ts";

it("a first request is forgotten once, unless another memory has taken its place", () => {
  const { find, forget, replace } = retryMemory();
  const organization = OrganizationId.make("org_1");
  const retry = {
    caller: ["user", "mia"],
    key: "a-key",
    request: "a request",
    memory: "first",
    lifetime: Duration.days(1),
    objects: 1,
  } as const;
  const first = { organization, retry };
  const begin = () => {
    const found = find(organization, retry, 0);
    if (found.is === "new") found.add();
    return found.is;
  };
  expect([begin(), begin()]).toEqual(["new", "retry"]);
  expect([forget(first), forget(first), begin()]).toEqual([true, false, "new"]);
  expect(replace({ ...first, memory: "second" }, 0)).toBe("second");
  expect([forget(first), begin()]).toEqual([false, "retry"]);
});
