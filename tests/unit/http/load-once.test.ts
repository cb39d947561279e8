import { expect, it } from "vitest";
import { loadOnce } from "../../../adapters/http/load-once.ts";

it("all who ask for one thing share one load of it, also once it is there, and others have their own", async () => {
  const loaded: Array<string> = [];
  const load = loadOnce(async (name) => {
    loaded.push(name);
    return Buffer.from(name);
  });
  const [first, second, other] = await Promise.all([load("a"), load("a"), load("b")]);
  expect(first).toBe(second);
  expect(await load("a")).toBe(first);
  expect(String(other)).toBe("b");
  expect(loaded).toEqual(["a", "b"]);
});

it("a load that fails fails for all who wait, and is tried again for the next", async () => {
  const outcomes = [Promise.reject(new Error("gone")), Promise.resolve("there")];
  const load = loadOnce(() => outcomes.shift() ?? Promise.reject(new Error("asked too often")));
  const waiting = await Promise.allSettled([load("a"), load("a")]);
  expect(waiting.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await load("a")).toBe("there");
});
