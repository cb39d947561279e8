import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { valetkey } from "../support/command-line.ts";
import { makeFolder } from "../support/make-folder.ts";

const folder = makeFolder();
const path = join(folder, "stores.json");
const write = (org_1: unknown) =>
  writeFileSync(
    path,
    JSON.stringify({
      stores: {
        eu: { adapter: "local", directory: join(folder, "eu") },
        us: { adapter: "local", directory: join(folder, "us") },
      },
      organizations: { org_1 },
    }),
  );
const move = (...args: ReadonlyArray<string>) =>
  valetkey(["move", "--org", "org_1", ...args], { STORAGE_LOCAL_DIR: folder, STORES: path });

it("nothing moves unless the document of stores says so", async () => {
  for (const [place, ...args] of [
    ["us", "--to", "eu"],
    [{ store: "eu", from: "us" }, "--to", "us"],
    [{ store: "eu", from: "us" }, "--to", "eu", "--from", "eu"],
    [{ store: "eu", from: "us" }, "--to", "elsewhere"],
  ] as const) {
    write(place);
    const { code, stdout, stderr } = await move(...args);
    expect([code, stdout]).toEqual([64, ""]);
    expect(stderr).toContain("STORES does not say that org_1 moves to");
  }
  const { code, stderr } = await valetkey(["move", "--org", "org_1", "--to", "eu"], {
    STORAGE_LOCAL_DIR: folder,
  });
  expect([code, stderr]).toEqual([64, expect.stringContaining("STORES does not say")]);
});

it("it says until when uploads may arrive in the old store, and then what to change", async () => {
  write({ store: "eu", from: "us" });
  const first = await move("--to", "eu");
  expect(first.code).toBe(0);
  expect(first.stderr).toMatch(/may arrive until \d{4}-\d\d-\d\dT.*Z: run this again then\./);
  const monthAgo = new Date(Date.now() - 30 * 24 * 60 * 60 * 1000);
  utimesSync(path, monthAgo, monthAgo);
  const { code, stderr } = await move("--to", "eu");
  expect(code).toBe(0);
  expect(stderr).toContain('write "org_1": "eu" among "organizations" of STORES');
});
