import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { local } from "../../adapters/embed/local.ts";
import { startHost } from "../embed/host.ts";
import { makeFolder } from "../support/make-folder.ts";
import { snippetsOf } from "../support/snippets.ts";
import { run } from "./applications.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const page = readFileSync(join(ROOT, "docs/removing.md"), "utf8");
const snippets = snippetsOf("docs/removing.md");

it("a person is removed by the commands of the page, whose lines show it, and nobody else", async () => {
  const [directory, folder] = [makeFolder(), makeFolder()];
  const { valetkey } = await startHost({
    storage: local({ directory }),
    organizations: (slug) => slug,
    policy: { key: "orgs/{organization}/{subject}/{year}/{month}/{id}{extension}" },
  });
  const upload = async (id: string) => {
    const asked = { caller: { id }, organization: "acme" };
    const file = { filename: "a.txt", contentType: "text/plain", size: 5 };
    const grant = await valetkey.requestUpload({ ...asked, ...file });
    await fetch(grant.putUrl, { method: "PUT", headers: grant.putHeaders, body: "hello" });
    const { key } = await valetkey.confirmUpload({ ...asked, receipt: grant.receipt });
    return key;
  };
  const keys = [await upload("auth0|5f7c"), await upload("auth0|5f7c")];
  const another = await upload("auth0|77aa");
  const npm = `npm() { shift 4; (cd ${ROOT} && node deploy/cli.ts "$@"); }`;
  const env = { ...process.env, STORAGE_LOCAL_DIR: directory };
  await run(`${npm}\n${snippets.get("erase.sh")}`, { cwd: folder, env });
  const lines = readFileSync(join(folder, "removed.jsonl"), "utf8").trim().split("\n");
  const record = lines.map((line) => JSON.parse(line));
  expect(record.map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
  for (const line of record) expect(Object.keys(line)).toEqual(["key", "size", "at"]);
  // The folder that the page computes, and the line that it shows.
  writeFileSync(join(folder, "folder.mjs"), snippets.get("folder.mjs") ?? "");
  const { folderOf } = await import(join(folder, "folder.mjs"));
  expect(page).toContain(`    {"key":"orgs/acme/${folderOf("auth0|5f7c")}/`);
  for (const key of keys) expect(key).toContain(`orgs/acme/${folderOf("auth0|5f7c")}/`);
  const admin = { caller: { id: "ann", scopes: ["list" as const] }, organization: "acme" };
  const { files } = await valetkey.listFiles({ ...admin, prefix: folderOf("auth0|77aa") });
  expect(files.map(({ key }) => key)).toEqual([another]);
});
