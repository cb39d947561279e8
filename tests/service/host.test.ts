import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { POINT, signIn, uploadTo } from "../hosts/guest.ts";
import { type StartedExample, startExample } from "../support/example.ts";
import { makeFolder } from "../support/make-folder.ts";

// The example for node:http as a process, with the entry points of the package as sources; the
// packed package is in tests/hosts.

const ROOT = new URL("../..", import.meta.url).pathname;

let folder: string;
let host: StartedExample;
beforeAll(async () => {
  folder = makeFolder();
  cpSync(join(ROOT, "deploy/examples/node/server.ts"), join(folder, "server.ts"));
  const installed = join(folder, "node_modules/valetkey");
  mkdirSync(installed, { recursive: true });
  for (const layer of ["adapters", "application", "domain"]) {
    symlinkSync(join(ROOT, layer), join(installed, layer));
  }
  const sources = Object.entries(manifest.exports).map(([entry, file]) => [
    entry,
    file.replace("./dist/", "./").replace(/\.js$/, ".ts"),
  ]);
  const exports = Object.fromEntries(sources);
  writeFileSync(join(installed, "package.json"), JSON.stringify({ type: "module", exports }));
  const scripts = { start: "node server.ts" };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", scripts }));
  host = await startExample(folder, { DEV_LOGIN: "on" });
});
afterAll(() => host?.stop());

it("a host of node:http has uploads of its users granted, stored, confirmed and reported", async () => {
  const refused = await uploadTo(host.address, "acme").presign(5);
  expect([refused.status, refused.problem.code]).toEqual([401, "UNAUTHENTICATED"]);
  const cookie = await signIn(host.address, "ann");
  const other = await uploadTo(host.address, "globex", cookie).presign(5);
  expect([other.status, other.problem.code]).toEqual([404, "NOT_FOUND"]);

  const { presign, put, confirm } = uploadTo(host.address, "acme", cookie);
  const { granted } = await presign(POINT.length);
  expect((await put(granted.put_url, Buffer.concat([POINT, POINT]))).status).toBe(403);
  expect((await put(granted.put_url, POINT)).status).toBe(200);
  const { key, file_url } = await (await confirm(granted.receipt)).json();
  const headers = { Cookie: cookie };
  expect(POINT.equals(await (await fetch(file_url, { headers })).bytes())).toBe(true);
  const attachments = await (await fetch(`${host.address}/attachments`, { headers })).json();
  expect(attachments).toMatchObject([{ key, size: POINT.length, subject: "ann" }]);
  expect((await fetch(`${host.address}/nowhere`)).status).toBe(404);
});
