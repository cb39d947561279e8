import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createValetkey } from "../../adapters/embed/index.ts";
import { local } from "../../adapters/embed/local.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { makeFolder } from "../support/make-folder.ts";
import { serve } from "../support/serve.ts";
import { toNodeHandler } from "../../adapters/embed/node.ts";
import { snippetsOf } from "../support/snippets.ts";
import { run } from "./applications.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

it("a person is removed by the commands of the page, whose lines show it, and nobody else", async () => {
  const [directory, folder] = [makeFolder(), makeFolder()];
  let handler: ReturnType<typeof toNodeHandler> | undefined;
  const url = await serve((request, response) => void handler?.(request, response));
  const valetkey = createValetkey({
    storage: local({ directory }),
    publicUrl: url.origin,
    organizations: (slug) => slug,
    policy: { key: "orgs/{organization}/{subject}/{year}/{month}/{id}{extension}" },
  });
  atTestEnd(valetkey.close);
  handler = toNodeHandler(valetkey);
  const upload = async (id: string) => {
    const asked = { caller: { id }, organization: "acme" };
    const file = { filename: "a.txt", contentType: "text/plain", size: 5 };
    const { putUrl, putHeaders, receipt, key } = await valetkey.requestUpload({
      ...asked,
      ...file,
    });
    await fetch(putUrl, { method: "PUT", headers: putHeaders, body: "hello" });
    await valetkey.confirmUpload({ ...asked, receipt });
    return key;
  };
  const keys = [await upload("auth0|5f7c"), await upload("auth0|5f7c")];
  const another = await upload("auth0|77aa");
  const script = `npm() { shift 4; (cd ${ROOT} && node deploy/cli.ts "$@"); }`;
  const env = { ...process.env, STORAGE_LOCAL_DIR: directory };
  await run(`${script}\n${snippetsOf("docs/removing.md").get("erase.sh")}`, { cwd: folder, env });
  const lines = readFileSync(join(folder, "removed.jsonl"), "utf8").trim().split("\n");
  const record = lines.map((line) => JSON.parse(line));
  expect(record.map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
  for (const line of record) expect(Object.keys(line)).toEqual(["key", "at"]);
  // The line that the page shows, and the folder that it computes.
  const page = readFileSync(join(ROOT, "docs/removing.md"), "utf8");
  const code = snippetsOf("docs/removing.md").get("folder.mjs") ?? "";
  writeFileSync(join(folder, "folder.mjs"), code);
  const { folderOf } = await import(join(folder, "folder.mjs"));
  expect(page).toContain(`    {"key":"orgs/acme/${folderOf("auth0|5f7c")}/`);
  for (const key of keys) expect(key).toContain(`orgs/acme/${folderOf("auth0|5f7c")}/`);
  const admin = { caller: { id: "ann", scopes: ["list" as const] }, organization: "acme" };
  const { files } = await valetkey.listFiles({ ...admin, prefix: folderOf("auth0|77aa") });
  expect(files.map(({ key }) => key)).toEqual([another]);
});
