import { readFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { startIssuer } from "../support/issuer.ts";
import { makeProject, type Project, STRICT_PROJECT } from "../support/project.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { snippetsOf } from "../support/snippets.ts";

// What docs/embedding.md shows, in the project of somebody who has installed the package.

const snippets = snippetsOf("docs/embedding.md");
/** What the page leads to. */
const EXAMPLES = { "effect.ts": "effect/upload.ts", "parts.ts": "parts/parts.ts" };
/** Which recipes.test.ts runs. */
const RECIPE = /^with-(?!hono)/;
const isRecipe = (name: string) => RECIPE.test(name);

let project: Project;
let port: number;
beforeAll(async () => {
  project = await makeProject();
  port = await freePort();
  for (const [name, code] of snippets) {
    if (!isRecipe(name)) project.write(name, code.replaceAll("3000", String(port)));
  }
  for (const [name, path] of Object.entries(EXAMPLES)) {
    const file = new URL(`../../deploy/examples/${path}`, import.meta.url);
    project.write(name, readFileSync(file, "utf8"));
  }
  project.write("tsconfig.json", STRICT_PROJECT);
  for (const name of ["@types/node", "hono", "jose", "effect"]) project.link(name);
});

/** Runs a few lines beside the snippets; what they write is JSON, line by line. */
async function run(lines: string, env: Readonly<Record<string, string>> = {}) {
  project.write("drive.ts", `${lines}\nprocess.exit(0);\n`);
  const { code, output } = await project.run(["node", "drive.ts"], { env });
  expect(code, output).toBe(0);
  return output;
}

it("the test of an application passes as it stands, without a network", async () => {
  const name = "uploads.test.ts";
  project.write(name, snippetsOf("docs/test-your-application.md").get(name) ?? "");
  const { code: exit, output } = await project.run(["node", "--test", name]);
  expect([exit, output]).toEqual([0, expect.stringContaining("pass 1")]);
});

it("the page has the snippets that are tested here, and recipes, and no others", () => {
  expect([...snippets.keys()].filter((name) => !isRecipe(name))).toEqual([
    "uploads.ts",
    "server.ts",
    "page.js",
    "tokens.ts",
    "with-hono.ts",
    "calls.ts",
    "policies.ts",
    "events.ts",
  ]);
});

it("every snippet and example compiles", async () => {
  const { code, output } = await project.run(["tsc", "-p", "."]);
  expect(code, output).toBe(0);
});

it("the first upload is granted, stored, confirmed and reported", async () => {
  const output = await run(`
    import "./server.ts";
    const ask = async (action, body, cookie = "session=5e0c") => {
      const answer = await fetch("http://127.0.0.1:${port}/api/v1/orgs/acme/files/" + action, {
        method: "POST",
        headers: { "Content-Type": "application/json", Cookie: cookie },
        body: JSON.stringify(body),
      });
      return { status: answer.status, ...(await answer.json()) };
    };
    const file = { filename: "a.png", content_type: "image/png", size: 5 };
    const granted = await ask("presign", file);
    const put = await fetch(granted.put_url, {
      method: "PUT", headers: granted.put_headers, body: "12345",
    });
    const { receipt } = granted;
    const confirmed = await ask("confirm", { receipt });
    const stranger = await ask("presign", file, "session=other");
    console.log(confirmed.server_data.note);
    console.log(JSON.stringify([granted.status, put.status, confirmed.status, stranger.status]));
  `);
  expect(output).toMatch(/^mia uploaded orgs\/org_1\/files\/\S+\.png$/m);
  expect(output).toContain("[200,200,200,401]");
});

it("a page of the same origin uploads by its cookie alone, and shows the file", async () => {
  const output = await run(`
    import "./server.ts";
    const send = globalThis.fetch;
    globalThis.location = new URL("http://127.0.0.1:${port}/page");
    globalThis.fetch = (url, init) => {
      const headers = new Headers(init?.headers);
      headers.set("Cookie", "session=5e0c");
      return send(url, { ...init, headers });
    };
    globalThis.file = new File(["12345"], "a.png", { type: "image/png" });
    const { readFileSync, writeFileSync } = await import("node:fs");
    writeFileSync("shown.js", readFileSync("page.js", "utf8") + "globalThis.shown = [serverData.note, fileUrl];");
    await import("./shown.js");
    const [note, fileUrl] = shown;
    console.log(note);
    console.log(await (await fetch(fileUrl)).text());
  `);
  expect(output).toMatch(/^mia uploaded orgs\/org_1\/files\/\S+\.png\n12345$/m);
});

it("a function gets the event of an upload", async () => {
  const output = await run(`
    import { valetkey } from "./events.ts";
    const asked = { caller: { id: "mia" }, organization: "acme" };
    const { receipt, putUrl, putHeaders } = await valetkey.requestUpload({
      ...asked, filename: "a.png", contentType: "image/png", size: 5,
    });
    const headers = { ...putHeaders, "Content-Length": "5" };
    await valetkey.fetch(new Request(putUrl, { method: "PUT", headers, body: "12345" }));
    const told = new Promise((resolve) => { console.log = resolve; });
    const { key } = await valetkey.confirmUpload({ ...asked, receipt });
    console.info(await told);
    console.info(key);
    await valetkey.close();
  `);
  const [told, key] = output.trim().split("\n").slice(-2);
  expect(told).toBe(`mia uploaded ${key}`);
});

it("a new folder runs what the page shows", async () => {
  const page = readFileSync(new URL("../../docs/embedding.md", import.meta.url), "utf8");
  const [init = ""] = /npm init -y[^\n#]*/.exec(page) ?? [];
  const { code, output } = await project.run([
    "sh",
    "-ec",
    `mkdir new; cp uploads.ts new; cd new; ${init}
     echo 'import "./uploads.ts"; process.exit(0)' > drive.ts; node drive.ts`,
  ]);
  expect(code, output).toBe(0);
});

it("a caller is known by a token of an issuer", async () => {
  const issuer = await startIssuer();
  const good = await issuer.sign({ sub: "mia" });
  const other = await issuer.sign({ aud: "another" });
  const output = await run(
    `
    import { authenticate } from "./tokens.ts";
    const who = (authorization) => authenticate({ headers: new Headers({ authorization }) });
    const { GOOD, OTHER } = process.env;
    const told = await Promise.all(["Bearer " + GOOD, "Bearer " + OTHER, ""].map(who));
    console.log(JSON.stringify(told.map((caller) => caller ?? null)));
  `,
    { ISSUER: issuer.url, GOOD: good, OTHER: other },
  );
  expect(output).toContain('[{"id":"mia"},null,null]');
  await issuer.stop();
  const away = await run(
    `
    import { authenticate } from "./tokens.ts";
    const headers = new Headers({ authorization: "Bearer " + process.env.GOOD });
    console.log(await authenticate({ headers }).then(() => "known", () => "rejected"));
  `,
    { ISSUER: issuer.url, GOOD: good },
  );
  expect(away).toContain("rejected");
});

it("a caller is known by the host's own middleware", async () => {
  const output = await run(`
    import { app } from "./with-hono.ts";
    const ask = async (headers) => {
      const answer = await app.request("/api/v1/orgs/acme/files/presign", {
        method: "POST",
        headers: { "Content-Type": "application/json", ...headers },
        body: JSON.stringify({ filename: "a.png", content_type: "image/png", size: 5 }),
      });
      return answer.status;
    };
    const me = await (await app.request("/me", { headers: { "x-demo-user": "mia" } })).json();
    console.log(JSON.stringify([me, await ask({ "x-demo-user": "mia" }), await ask({})]));
  `);
  expect(output).toContain('[{"id":"mia"},200,401]');
});

it("the snippet of calls uploads a file, or tells a person what is wrong", async () => {
  const output = await run(`
    import { attach } from "./calls.ts";
    const { key } = await attach("mia", { name: "a.png", type: "image/png", size: 5 });
    const large = await attach("mia", { name: "a.png", type: "image/png", size: 5e9 });
    const page = await attach("mia", { name: "a.html", type: "text/html", size: 5 });
    console.log(JSON.stringify([key, large, page]));
  `);
  expect(output).toMatch(/\["orgs\/org_1\/files\/[^"]+","At most 10485760 bytes, please.","One of/);
});

it("the example of large files sends a file in parts", async () => {
  const output = await run(`
    import "./server.ts";
    import { send } from "./parts.ts";
    const file = new File([new Uint8Array(5 * 2 ** 20 + 5)], "a.png", { type: "image/png" });
    const { key, size, receipt } = await send("mia", file);
    console.log(JSON.stringify([key, size, typeof receipt]));
  `);
  expect(output).toMatch(/\["orgs\/org_1\/files\/[^"]+",5242885,"string"\]/);
});

it("the snippet of policies names them, with the checksum that one requires", async () => {
  const output = await run(`
    import { valetkey } from "./policies.ts";
    const file = { organization: "acme", filename: "a.png", contentType: "image/png", size: 5 };
    const told = (call) => call.then(({ key }) => key.split("/")[1], ({ code }) => code);
    const checksum = { algorithm: "md5", value: "gnzLDuqKcGxMNKFokfhOew==" };
    const service = { id: "ci", kind: "service" };
    const user = { id: "mia" };
    console.log(JSON.stringify(await Promise.all([
      told(valetkey.requestUpload({ ...file, caller: user, policy: "avatars" })),
      told(valetkey.requestUpload({ ...file, caller: user, policy: "avatars", size: 2 ** 21 })),
      told(valetkey.requestUpload({ ...file, caller: user, policy: "backups", checksum })),
      told(valetkey.requestUpload({ ...file, caller: service, policy: "backups", checksum })),
    ])));
  `);
  expect(output).toContain('["acme","FILE_TOO_LARGE","FORBIDDEN","acme"]');
});

it("the example of Effect uses the application's own organizations with our store", async () => {
  const output = await run(
    `
    import * as Effect from "effect/Effect";
    import { upload } from "./effect.ts";
    const { key, put } = await Effect.runPromise(upload);
    console.log(JSON.stringify([key.split("/")[1], new URL(put.url).origin]));
  `,
    { RECEIPT_KEY: receiptKey("test").toString("base64") },
  );
  expect(output).toContain('["org_1","http://127.0.0.1:9000"]');
});
