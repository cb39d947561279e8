import { expect, it } from "vitest";
import { neededBy } from "../../adapters/values/needed-by.ts";

const CAUSE = new TypeError("the import failed");

it.each([
  [["absent-a"], "the package absent-a, which is not installed; install it with: npm install"],
  [
    ["absent-a", "absent-b"],
    "the packages absent-a and absent-b, which are not installed; install them with: npm install",
  ],
  // What is there need not be installed.
  [["minio", "absent-b"], "the package absent-b, which is not installed; install it with:"],
] as const)("of %j what is not installed is named, with what installs it", async (names, words) => {
  const [first, ...rest] = names;
  await expect(neededBy("the store", first, ...rest)(CAUSE)).rejects.toMatchObject({
    name: "PackageMissing",
    message: expect.stringContaining(`the store needs ${words}`),
    cause: CAUSE,
  });
});

it("an installed package that cannot be imported fails with its own error", async () => {
  await expect(neededBy("the store", "minio", "effect")(CAUSE)).rejects.toBe(CAUSE);
});
