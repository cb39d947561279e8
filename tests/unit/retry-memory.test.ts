import * as Duration from "effect/Duration";
import { expect, it } from "vitest";
import { retryMemory } from "../../adapters/limits/retry-memory.ts";
import { OrganizationId } from "../../domain/organization.ts";

const organization = OrganizationId.make("org_1");
const DAY = Duration.toMillis("1 day");

const retry = (key: string) =>
  ({
    caller: ["user", "mia"],
    key,
    request: "a request",
    memory: "first",
    lifetime: Duration.days(1),
    objects: 1,
  }) as const;

/** A memory, and how a request under a key begins in it. */
function start() {
  const memory = retryMemory();
  const begin = (key = "a-key", now = 0) => {
    const found = memory.find(organization, retry(key), now);
    if (found.is === "new") found.add();
    return found.is;
  };
  return { ...memory, begin };
}

it("a first request is forgotten once, unless another memory has taken its place", () => {
  const { forget, replace, begin } = start();
  const first = { organization, retry: retry("a-key") };
  expect([begin(), begin()]).toEqual(["new", "retry"]);
  expect([forget(first), forget(first), begin()]).toEqual([true, false, "new"]);
  expect(replace({ ...first, memory: "second" }, 0)).toBe("second");
  expect([forget(first), begin()]).toEqual([false, "retry"]);
});

it("first requests that expire, or are forgotten, make room for as many others", () => {
  const { forget, begin } = start();
  const keys = Array.from({ length: 2500 }, (_, key) => `${key}`);
  const beginAll = (now: number) => new Set(keys.map((key) => begin(key, now)));
  expect(beginAll(0)).toEqual(new Set(["new"]));
  expect([begin("one more"), begin("one more", DAY)]).toEqual(["one too many", "new"]);
  forget({ organization, retry: retry("one more") });
  expect(beginAll(DAY)).toEqual(new Set(["new"]));
  for (const key of keys) forget({ organization, retry: retry(key) });
  expect(beginAll(DAY)).toEqual(new Set(["new"]));
});
