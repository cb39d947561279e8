import { expect, it } from "vitest";
import { readLock, used } from "../support/lock.ts";

/** Those that let a work under Apache-2.0 use and carry along what is under them. */
const PERMITTED = new Set([
  "MIT",
  "Apache-2.0",
  "ISC",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "BlueOak-1.0.0",
  "(MIT OR CC0-1.0)",
]);

it("all that the package needs, or can be given to use, may go with it under Apache-2.0", () => {
  const lock = readLock(new URL("../..", import.meta.url).pathname);
  const paths = [...used(lock)];
  expect(paths).toContain("node_modules/effect");
  expect(paths).toContain("node_modules/@aws-sdk/client-s3");
  expect(paths).not.toContain("node_modules/vitest");
  const others = paths.filter((path) => !PERMITTED.has(lock.get(path)?.license ?? ""));
  expect(others.map((path) => `${path}: ${lock.get(path)?.license}`)).toEqual([]);
});
