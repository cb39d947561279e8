import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { readLock, used } from "../support/lock.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "valetkey-image-"));
afterAll(() => rmSync(folder, { recursive: true }));

it("the image is left with every peer, at the locked versions, and with no tool", () => {
  const dockerfile = readFileSync(join(ROOT, "deploy/Dockerfile"), "utf8");
  const script = /node -e '([^']+)' && npm prune/.exec(dockerfile)?.[1] ?? "";
  expect(script).not.toBe("");
  for (const name of ["package.json", "package-lock.json", ".npmrc"]) {
    cpSync(join(ROOT, name), join(folder, name));
  }
  const run = (command: string, args: ReadonlyArray<string>) =>
    execFileSync(command, args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  // As Docker reads it: in one line.
  run("node", ["-e", script.replace(/\\\n/g, "")]);
  run("npm", ["install", "--package-lock-only", "--offline", "--no-audit", "--loglevel=error"]);

  const locked = readLock(ROOT);
  const left = readLock(folder);
  expect(left.get("")?.dependencies).toMatchObject({ effect: "4.1.0", minio: "8.0.7" });
  expect([...left.keys()].filter((path) => path !== "").sort()).toEqual([...used(locked)].sort());
  for (const path of used(locked)) {
    expect(left.get(path)?.version, path).toBe(locked.get(path)?.version);
    expect(left.get(path)?.dev, path).toBeUndefined();
  }
});
