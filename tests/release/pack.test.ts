import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { packed } from "../support/packed.ts";
it("packs", async () => {
  const [a, b] = await Promise.all([packed(), packed()]);
  expect(a).toBe(b);
  console.log(execFileSync("tar", ["-tzf", a], { encoding: "utf8" }).split("\n").length);
});
