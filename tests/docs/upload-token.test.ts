import { spawn } from "node:child_process";
import { once } from "node:events";
import { createPrivateKey } from "node:crypto";
import { copyFileSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient } from "../../adapters/client/client.ts";
import { ask } from "../support/ask.ts";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";
import { until } from "../support/until.ts";
import { type Application, APPLICATIONS, install, run } from "./applications.ts";

// The backends of docs/upload-token.md, each started beside a service that is started with the
// variables of the page.

const page = readFileSync(new URL("../../docs/upload-token.md", import.meta.url), "utf8");
const snippets = snippetsOf("docs/upload-token.md");

/** The indented block of the page that has `text` in it. */
const blockWith = (text: string) =>
  (page.match(/(?:^ {4}\S.*\n)+/gm) ?? []).find((block) => block.includes(text)) ?? "";

const EXAMPLES = new URL("../../deploy/examples/tokens/", import.meta.url).pathname;

interface Backend extends Omit<Application, "needs"> {
  readonly needs: Application["needs"] | undefined;
  /** Where its file is copied to. */
  readonly file: string;
  readonly code: string;
}

const COOKIE = "session=5e0c";
/** Of somebody else in the same organization; the backend in Node knows her. */
const ANOTHER = "session=77aa";

/** The file of each example, and where an application has it. */
const FILES = {
  go: "main.go",
  flask: "app.py",
  fastapi: "app.py",
  django: "views.py",
  php: "upload-token.php",
  laravel: "web.php",
  rails: "upload_tokens_controller.rb",
  spring: "UploadTokenController.java",
} as const satisfies Record<keyof typeof APPLICATIONS, string>;

const NODE: Omit<Backend, "code"> = {
  needs: undefined,
  file: "server.mjs",
  files: {
    "yours.mjs": `const people = { "${COOKIE}": "mia", "${ANOTHER}": "ann" };
       export const personOf = async ({ headers }) => {
         const id = people[headers.cookie];
         return id === undefined ? undefined : { id, organizations: ["acme"] };
       };
       export const kept = [];
       export const keep = async ({ id }, file) => kept.push({ id, ...file });
       export const fileOf = async (person, index) => kept[index];`,
  },
  install: blockWith("npm install"),
  start: () => "exec node server.mjs",
};

type Language = "node" | keyof typeof FILES;

function backendFor(language: Language): Backend {
  if (language === "node") return { ...NODE, code: keepingServer() };
  const name = FILES[language];
  const code = readFileSync(join(EXAMPLES, language, name), "utf8");
  const file = language === "php" ? `public/${name}` : name;
  return { ...APPLICATIONS[language], file, code };
}

interface Started {
  /** Asks it for a token, with a cookie; or for something else. */
  readonly ask: (cookie: string, path?: string, init?: RequestInit) => Promise<Response>;
  readonly stop: () => Promise<void>;
}

async function start(language: Language, keys: string): Promise<Started | undefined> {
  const backend = backendFor(language);
  const found = backend.needs === undefined ? process.execPath : await need(backend.needs);
  if (found === undefined) return undefined;
  const env = { ...process.env, PATH: `${dirname(found)}:${process.env["PATH"]}` };
  const folder = makeFolder();
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const port = await freePort();
  await install(backend.install ?? "true", { into: folder, env });
  mkdirSync(join(folder, "public"));
  copyFileSync(join(keys, "upload-key.pem"), join(folder, "upload-key.pem"));
  write(backend.file, backend.code.replace("3000", String(port)));
  for (const own of Object.entries(backend.files)) write(...own);
  if (backend.build !== undefined) await run(backend.build, { cwd: folder, env });
  const child = spawn("sh", ["-c", backend.start(port)], { cwd: folder, env, stdio: "pipe" });
  const ended = once(child, "close");
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const ask: Started["ask"] = (cookie, path = "/upload-token", init) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      ...init,
      headers: { ...init?.headers, Cookie: cookie },
    });
  await until(`the start of the backend in ${language}`, () => {
    if (child.exitCode !== null) throw new Error(output);
    return ask("");
  });
  const stop = async () => {
    child.kill();
    await ended;
  };
  return { ask, stop };
}

/** The server in Node that keeps files, as the page adds it, and shows what it has kept. */
const keepingServer = (): string => {
  const routes = ["attachments.mjs", "photos.mjs"].map((name) => snippets.get(name)).join("");
  const route = routes.replace(`${AUDIENCE}/api`, `${service.address}/api`);
  const shown = 'app.get("/kept", (_request, response) => response.json(kept));';
  return (snippets.get("server.mjs") ?? "")
    .replace("{ personOf }", "{ fileOf, keep, kept, personOf }")
    .replace("app.listen", `${route}${shown}\napp.listen`);
};

const ISSUER = "https://app.example.com";
const AUDIENCE = "https://uploads.example.com";
const LANGUAGES = ["node", ...Object.keys(FILES)] as ReadonlyArray<Language>;
let keys: string;
let service: ServiceProcess;
let started: ReadonlyArray<Started | undefined> = [];
beforeAll(async () => {
  keys = makeFolder();
  await run(snippets.get("keys.sh") ?? "", { cwd: keys });
  const command = blockWith("AUTH=jwt")
    .replace("upload-key.pub.pem", join(keys, "upload-key.pub.pem"))
    .replace("npm start", "exec node deploy/node.ts");
  const [, serviceClaim = ""] = /`JWT_SERVICE_CLAIM=(\S+)`/.exec(page) ?? [];
  service = await startProcess({ JWT_SERVICE_CLAIM: serviceClaim }, () => [
    "/bin/sh",
    "-ec",
    command,
  ]);
  started = await Promise.all(LANGUAGES.map((language) => start(language, keys)));
});
afterAll(async () => {
  await Promise.all(started.map((backend) => backend?.stop()));
  await service?.stop();
});

it("every program of the page is tested here", () => {
  const ofNode = ["page.js", "server.mjs", "post.js", "attachments.mjs", "photos.mjs"];
  expect([...snippets.keys()]).toEqual(["keys.sh", ...ofNode]);
  const examples = globSync("*/*", { cwd: EXAMPLES }).toSorted();
  expect(examples).toEqual(
    Object.entries(FILES)
      .map((path) => path.join("/"))
      .toSorted(),
  );
  const linked = [...page.matchAll(/examples\/tokens\/(\w+\/[\w.-]+)/g)].map(([, path]) => path);
  expect(linked.toSorted()).toEqual(examples);
});

/** A client as the page shows it, for the owner of a cookie. */
function clientOf({ ask }: Started, cookie: string) {
  const [, token = ""] = /token: (.*),/.exec(snippets.get("page.js") ?? "") ?? [];
  return createClient({
    endpoint: service.address,
    organization: "acme",
    token: new Function("fetch", `return ${token}`)((path: string) =>
      path === "/upload-token" ? ask(cookie) : Promise.reject(new Error(path)),
    ),
  });
}

const file = new File(["a picture"], "a.png", { type: "image/png" });

describe.each(LANGUAGES.map((language, index) => ({ language, index })))(
  "the backend in $language",
  ({ index }) => {
    it("a person who is signed in uploads and confirms with its token", async ({ skip }) => {
      const backend = started[index] ?? skip();
      const { key } = await clientOf(backend, COOKIE).upload(file);
      expect(key).toMatch(/^orgs\/acme\/files\/.*\.png$/);
    });

    it("the token is for this person and organization, and for minutes", async ({ skip }) => {
      const backend = started[index] ?? skip();
      const before = Math.floor(Date.now() / 1000);
      const answer = await backend.ask(COOKIE);
      expect(answer.headers.get("cache-control")).toContain("no-store");
      const [, claims = ""] = (await answer.text()).split(".");
      const { exp, ...others } = JSON.parse(Buffer.from(claims, "base64url").toString());
      expect(others).toEqual({
        iss: ISSUER,
        aud: AUDIENCE,
        sub: "mia",
        organizations: ["acme"],
        scope: "write confirm",
      });
      expect(exp - before).toBeGreaterThanOrEqual(300);
      expect(exp - Date.now() / 1000).toBeLessThanOrEqual(300);
    });

    it("a person who is not signed in gets no token, and is told so", async ({ skip }) => {
      const backend = started[index] ?? skip();
      expect((await backend.ask("session=none")).status).toBe(401);
      const upload = clientOf(backend, "session=none").upload(file);
      await expect(upload).rejects.toMatchObject({ code: "unauthenticated" });
    });
  },
);

const keptBy = async ({ ask }: Started) => (await ask(COOKIE, "/kept")).json();

/** Posts a receipt as the page does, with a cookie, and gives the status. */
async function post({ ask }: Started, cookie: string, client: object): Promise<number> {
  let status = 0;
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  await new AsyncFunction("client", "file", "fetch", snippets.get("post.js") ?? "")(
    client,
    file,
    async (path: string, init: RequestInit) => ({ status } = await ask(cookie, path, init)),
  );
  return status;
}

it("the backend that keeps files has the key of what a person uploaded, and of nobody else's upload", async ({
  skip,
}) => {
  const backend = started[0] ?? skip();
  const uploaded = await clientOf(backend, COOKIE).upload(file);
  const client = { upload: () => Promise.resolve(uploaded) };
  expect(await post(backend, ANOTHER, client)).toBe(404);
  expect(await post(backend, "session=none", client)).toBe(401);
  expect(await keptBy(backend)).toEqual([]);
  expect(await post(backend, COOKIE, client)).toBe(204);
  const { key, size, fileUrl: file_url } = uploaded;
  expect(await keptBy(backend)).toEqual([{ id: "mia", key, size, file_url }]);
  const photo = await backend.ask(ANOTHER, "/photos/0", { redirect: "manual" });
  expect(photo.status).toBe(302);
  expect(await (await fetch(photo.headers.get("location") ?? "")).text()).toBe("a picture");
  expect((await backend.ask("session=none", "/photos/0")).status).toBe(404);
  expect((await backend.ask(COOKIE, "/photos/1")).status).toBe(404);
});

it.each([
  { kind: "service", status: 200 },
  { kind: undefined, status: 404 },
])("where nobody is signed in, a token of the kind $kind gets $status", async (told) => {
  const { kind, status } = told;
  const [node] = started;
  if (node === undefined) throw new Error("Node is always here");
  const { receipt } = await clientOf(node, COOKIE).upload(file);
  const token = await new SignJWT({ organizations: ["acme"], scope: "confirm", kind })
    .setProtectedHeader({ alg: "RS256" })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject("queue")
    .setExpirationTime("5 minutes")
    .sign(createPrivateKey(readFileSync(join(keys, "upload-key.pem"))));
  expect((await ask({ ...service, token }, "confirm", { receipt })).status).toBe(status);
});
