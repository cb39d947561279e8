import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createHash, createPrivateKey } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient } from "../../adapters/client/client.ts";
import { freePort } from "../support/free-port.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";
import { CACHE } from "../support/tools.ts";
import { until } from "../support/until.ts";

// The backends of docs/upload-token.md, each installed and started as the page says, beside a
// service that is started with the variables of the page.

const page = readFileSync(new URL("../../docs/upload-token.md", import.meta.url), "utf8");
const snippets = snippetsOf("docs/upload-token.md");

/** The indented block of the page that has `text` in it. */
const blockWith = (text: string) =>
  (page.match(/(?:^ {4}\S.*\n)+/gm) ?? []).find((block) => block.includes(text)) ?? "";

interface Backend {
  readonly file: string;
  /** What a host has anyway: Mia has signed in if her cookie says so. */
  readonly yours: readonly [file: string, code: string];
  /** What the page installs, in the project's folder. */
  readonly install?: string;
  /** What is done besides before it starts. */
  readonly build?: string;
  readonly start: (port: number) => string;
}

const COOKIE = "session=5e0c";
/** Of somebody else in the same organization; the backend in Node knows her. */
const ANOTHER = "session=77aa";

const BACKENDS: Readonly<Record<"node" | "go" | "python" | "php", Backend>> = {
  node: {
    file: "server.mjs",
    yours: [
      "yours.mjs",
      `const people = { "${COOKIE}": "mia", "${ANOTHER}": "ann" };
       export const personOf = async ({ headers }) => {
         const id = people[headers.cookie];
         return id === undefined ? undefined : { id, organizations: ["acme"] };
       };
       export const kept = [];
       export const keep = async ({ id }, file) => kept.push({ id, ...file });
       export const fileOf = async (person, index) => kept[index];`,
    ],
    install: blockWith("npm install"),
    start: () => "exec node server.mjs",
  },
  go: {
    file: "main.go",
    yours: [
      "yours.go",
      `package main
       import "net/http"
       type person struct { ID string; Organizations []string }
       func personOf(r *http.Request) (person, bool) {
         cookie, err := r.Cookie("session")
         return person{"mia", []string{"acme"}}, err == nil && cookie.Value == "5e0c"
       }`,
    ],
    install: `go mod init yours && ${blockWith("go get")}`,
    build: "go build -o backend",
    start: () => "exec ./backend",
  },
  python: {
    file: "app.py",
    yours: [
      "yours.py",
      [
        "def person_of(request):",
        '    if request.cookies.get("session") == "5e0c":',
        '        return {"id": "mia", "organizations": ["acme"]}',
      ].join("\n"),
    ],
    install: `python3 -m venv . && bin/${blockWith("pip install").trim()}`,
    start: (port) => `exec bin/python -m flask run --port ${port}`,
  },
  php: {
    file: "public/upload-token.php",
    yours: [
      "yours.php",
      `<?php function signed_in_person() {
         return ($_COOKIE["session"] ?? "") === "5e0c" ? ["id" => "mia", "organizations" => ["acme"]] : null;
       }`,
    ],
    start: (port) => `exec php -S 127.0.0.1:${port} public/upload-token.php`,
  },
};

/** Runs what the page installs in a folder of the user's cache, once, and links it into another. */
async function install(command: string, { into, env }: Place): Promise<void> {
  const hash = createHash("sha256").update(command).digest("hex").slice(0, 12);
  const folder = join(CACHE, `backend-${hash}`);
  if (!existsSync(folder)) {
    mkdirSync(CACHE, { recursive: true });
    const fresh = mkdtempSync(`${folder}.`);
    await run(command, { cwd: fresh, env });
    renameSync(fresh, folder);
  }
  for (const name of readdirSync(folder)) symlinkSync(join(folder, name), join(into, name));
}

const run = (command: string, place: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv }) =>
  promisify(execFile)("sh", ["-ec", command], place);

interface Place {
  readonly into: string;
  readonly env: NodeJS.ProcessEnv;
}

interface Started {
  /** Asks it for a token, with a cookie; or for something else. */
  readonly ask: (cookie: string, path?: string, init?: RequestInit) => Promise<Response>;
  readonly stop: () => Promise<void>;
}

async function start(language: keyof typeof BACKENDS, keys: string): Promise<Started | undefined> {
  const found = language === "node" ? process.execPath : await need(language);
  if (found === undefined) return undefined;
  const env = { ...process.env, PATH: `${dirname(found)}:${process.env["PATH"]}` };
  const backend = BACKENDS[language];
  const folder = mkdtempSync(join(tmpdir(), "valetkey-backend-"));
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const port = await freePort();
  await install(backend.install ?? "true", { into: folder, env });
  mkdirSync(join(folder, "public"));
  copyFileSync(join(keys, "upload-key.pem"), join(folder, "upload-key.pem"));
  const program = language === "node" ? keepingServer() : snippets.get(backend.file);
  write(backend.file, (program ?? "").replace("3000", String(port)));
  write(...backend.yours);
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
    rmSync(folder, { recursive: true });
  };
  return { ask, stop };
}

/** The server in Node that keeps files, as the page adds it, and shows what it has kept. */
const keepingServer = () => {
  const routes = ["attachments.mjs", "photos.mjs"].map((name) => snippets.get(name)).join("");
  const route = routes.replace(`${AUDIENCE}/api`, `${service.address}/api`);
  const shown = 'app.get("/kept", (_request, response) => response.json(kept));';
  return snippets
    .get("server.mjs")
    ?.replace("{ personOf }", "{ fileOf, keep, kept, personOf }")
    .replace("app.listen", `${route}${shown}\napp.listen`);
};

const ISSUER = "https://app.example.com";
const AUDIENCE = "https://uploads.example.com";
const LANGUAGES = Object.keys(BACKENDS) as ReadonlyArray<keyof typeof BACKENDS>;
let keys: string;
let service: ServiceProcess;
let started: ReadonlyArray<Started | undefined> = [];
beforeAll(async () => {
  keys = mkdtempSync(join(tmpdir(), "valetkey-keys-"));
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
  rmSync(keys, { recursive: true });
});

it("every program of the page is tested here", () => {
  const files = Object.values(BACKENDS).map(({ file }) => file);
  const ofKeeping = ["post.js", "attachments.mjs", "photos.mjs"];
  expect([...snippets.keys()]).toEqual(["keys.sh", "page.js", ...files, ...ofKeeping]);
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

describe("the backend that keeps files", () => {
  it("has the key of what a person uploaded, and of nobody else's upload", async ({ skip }) => {
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
    const answer = await fetch(`${service.address}/api/v1/orgs/acme/files/confirm`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ receipt }),
    });
    expect(answer.status).toBe(status);
  });
});
