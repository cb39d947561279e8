import { execFileSync, spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { expect, it } from "vitest";
import { need } from "../support/need.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const hadolint = await need("hadolint");

it.skipIf(hadolint === undefined)("hadolint finds no fault with any Dockerfile", () => {
  const files = globSync("deploy/**/*Dockerfile", { cwd: ROOT });
  expect(files).toContain("deploy/Dockerfile");
  expect(execFileSync(hadolint ?? "", files, { cwd: ROOT, encoding: "utf8" })).toBe("");
  const faulty = spawnSync(hadolint ?? "", ["-"], { input: "FROM node\nRUN cd /app\n" });
  expect(faulty.stdout.toString()).toContain("DL3006");
});
