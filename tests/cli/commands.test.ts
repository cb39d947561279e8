import * as Effect from "effect/Effect";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { makeProgressLine } from "../../adapters/cli/upload/progress-line.ts";
import { main } from "../../adapters/cli/main.ts";
import { readStoreOrFail } from "../../adapters/cli/command/configuration.ts";
import { quietly } from "../../adapters/cli/command/store-log.ts";
import type { Listen } from "../../adapters/http/server/listen.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { PROMISES } from "../../adapters/contract/promises/promises.ts";
import type { StorePromise } from "../../adapters/contract/promises/store-promise.ts";
import { makeUploadMemory } from "../../adapters/cli/upload/upload-memory.ts";
import { first, isPut, network } from "../client/host.ts";
import { startHost } from "../embed/host.ts";
import { valetkey } from "../support/command-line.ts";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { startS3 } from "../support/s3-server.ts";

/** Those that certify tries here: all are in tests/contract/. */
const TRIED = new Set([
  "a PUT as granted is stored byte for byte",
  "a PUT of another type is refused",
  "a PUT for the public endpoint works there and not at the internal one",
  "an upload that waits is removed before it becomes a file",
]);

// The commands in this process; as a person starts them, tests/service/ has them.

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

it("valetkey config shows what is in force as a person reads it, and warns of what has no effect", async () => {
  const { code, stdout, stderr } = await valetkey(["config"], {
    AUTH_SECRET: "red",
    STORAGE_MAX_FILE_SIZE: "5",
    CORS_ORIGINS: "https://app.example.com",
  });
  const rows = stdout.split("\n").map((line) => line.split(/ {2,}/));
  expect(rows).toContainEqual(["callers", "dev"]);
  expect(rows).toContainEqual(["VARIABLE", "VALUE", "FROM"]);
  expect(rows).toContainEqual(["PORT", "8787", "default"]);
  expect(rows).toContainEqual(["REDIS_CLUSTER", "off", "default"]);
  expect(rows).toContainEqual(["CORS_ORIGINS", "https://app.example.com", "variable"]);
  expect(rows).toContainEqual(["RECEIPT_KEYS", expect.any(String), "default"]);
  expect(stderr.trim().split("\n")).toEqual([
    'Warning: STORAGE_MAX_FILE_SIZE=5 has no unit and is read as MiB: write "5 MiB".',
    "Warning: AUTH_SECRET is not a known variable.",
  ]);
  expect(code).toBe(0);
});

const createToken = async (file: string, ...options: ReadonlyArray<string>) => {
  const { stdout } = await valetkey(["token", "create", "--file", file, ...options]);
  return stdout.trim();
};

it("valetkey token create adds a token, list shows all but its secret, and revoke removes it alone", async () => {
  const file = join(makeFolder(), "tokens.json");
  const created = await valetkey(
    ["token", "create", "--org", "acme", "--kind", "user", "--subject", "mia"],
    { AUTH_TOKENS_FILE: file },
  );
  const first = created.stdout.trim();
  expect(created.stdout).toMatch(/^vk_[0-9a-f]{16}_[A-Za-z0-9_-]{43}\n$/);
  expect(created.stderr).not.toContain(first.slice(20));
  const second = await createToken(file, "--org", "acme", "--org", "b", "--scope", "read");
  // A secret may have a `_` too.
  const [, firstId = "", ...rest] = first.split("_");
  const secret = rest.join("_");
  const [, secondId = ""] = second.split("_");
  const listed = await valetkey(["token", "list"], { AUTH_TOKENS_FILE: file });
  expect(
    listed.stdout
      .trim()
      .split("\n")
      .map((line) => line.split(/ {2,}/)),
  ).toEqual([
    ["ID", "KIND", "SUBJECT", "ORGANIZATIONS", "SCOPES", "EXPIRES"],
    [firstId, "user", "mia", "acme", "write,read,confirm", "never"],
    [secondId, "service", secondId, "acme,b", "read", "never"],
  ]);
  const stored = readFileSync(file, "utf8");
  expect(listed.stdout + stored).not.toContain(secret);
  const [{ sha256 }] = JSON.parse(stored).tokens;
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(listed.stdout).not.toContain(sha256.slice(0, 8));

  const other = first.replace(firstId, "0123456789abcdef");
  for (const unknown of ["0123456789abcdef", other]) {
    expect(await valetkey(["token", "revoke", unknown, "--file", file])).toEqual({
      code: 64,
      stdout: "",
      stderr: `There is no such token in ${file}. To see its tokens: valetkey token list\n`,
    });
  }
  for (const args of [[], ["a", "b"]]) {
    expect((await valetkey(["token", "revoke", ...args, "--file", file])).code).toBe(64);
  }
  expect(readFileSync(file, "utf8")).toBe(stored);
  const revoked = await valetkey(["token", "revoke", first, "--file", file]);
  expect([revoked.code, revoked.stdout]).toEqual([0, ""]);
  expect(revoked.stderr).toContain(firstId);
  expect(revoked.stderr).not.toContain(secret);
  const left = await valetkey(["token", "list", "--json", "--file", file]);
  expect(JSON.parse(left.stdout)).toEqual([
    {
      id: secondId,
      kind: "service",
      subject: secondId,
      organizations: ["acme", "b"],
      scopes: ["read"],
    },
  ]);
});

it("valetkey token create leaves the file its permissions, and its place behind a symbolic link", async () => {
  const folder = makeFolder();
  const [file, link] = [join(folder, "tokens.json"), join(folder, "link.json")] as const;
  await createToken(file, "--org", "acme");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  chmodSync(file, 0o640);
  symlinkSync(file, link);
  await createToken(link, "--org", "acme");
  expect(statSync(file).mode & 0o777).toBe(0o640);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(JSON.parse(readFileSync(file, "utf8")).tokens).toHaveLength(2);
});

it.each([
  ["90m", 90 * 60_000],
  ["12h", 12 * 3_600_000],
  ["3d", 3 * 86_400_000],
  ["2030-01-31", Date.UTC(2030, 0, 31) - Date.UTC(2029, 0, 1)],
  ["2029-01-01T02:00:00+01:00", 3_600_000],
])(
  "valetkey token create --expires %s is told as an instant, and the token is expired from then on",
  async (when, after) => {
    const file = join(makeFolder(), "tokens.json");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2029, 0, 1) });
    await createToken(file, "--org", "acme", "--expires", when);
    const end = Date.UTC(2029, 0, 1) + after;
    const shown = async () => (await valetkey(["token", "list", "--file", file])).stdout.trim();
    const instant = new Date(end).toISOString().replace(".000", "");
    vi.setSystemTime(end - 1);
    expect(await shown()).toMatch(new RegExp(`${instant}$`));
    vi.setSystemTime(end);
    expect(await shown()).toMatch(new RegExp(`${instant} \\(expired\\)$`));
  },
);

type Refused = [args: ReadonlyArray<string>, told: string];
it.each<Refused>([
  [[], "--org SLUG"],
  [["--org", "acme."], "--org SLUG"],
  [["--org", "acme", "--scope", "delete"], "--org SLUG"],
  [["--org", "acme", "--organisation", "acme"], "--org SLUG"],
  ...["tomorrow", "0d", "90", "2020-01-01", "2126-13-01", ""].map((expires): Refused => [
    ["--org", "acme", "--expires", expires],
    "--expires must be 90d, 12h, 30m or a date to come",
  ]),
])("valetkey token create %j ends with 64, says why and creates no token", async (args, told) => {
  const AUTH_TOKENS_FILE = join(makeFolder(), "tokens.json");
  const { code, stdout, stderr } = await valetkey(["token", "create", ...args], {
    AUTH_TOKENS_FILE,
  });
  expect([code, stdout]).toEqual([64, ""]);
  expect(stderr).toContain(told);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(existsSync(AUTH_TOKENS_FILE)).toBe(false);
});

it("valetkey token create and list need a file, and leave one alone that holds something else", async () => {
  const none = await valetkey(["token", "create", "--org", "acme"]);
  expect([none.code, none.stderr]).toEqual([
    64,
    expect.stringContaining("AUTH_TOKENS_FILE is not set"),
  ]);
  const folder = makeFolder();
  const file = join(folder, "tokens.json");
  const missing = await valetkey(["token", "list", "--file", file]);
  expect([missing.code, missing.stdout]).toEqual([66, ""]);
  expect(missing.stderr).toContain(`${file} cannot be read (ENOENT)`);
  expect((await valetkey(["token", "list", "--org", "acme", "--file", file])).code).toBe(64);
  const nowhere = join(folder, "none", "tokens.json");
  const create = ["token", "create", "--org", "acme", "--file"];
  expect(await valetkey([...create, nowhere])).toEqual({
    code: 73,
    stdout: "",
    stderr: expect.stringContaining("ENOENT"),
  });
  for (const content of ["no JSON: secret", '{"tokens": [{"id": "secret"}]}']) {
    writeFileSync(file, content);
    const { code, stdout, stderr } = await valetkey([...create, file]);
    expect([code, stdout]).toEqual([73, ""]);
    expect(stderr).toContain(file);
    expect(stderr).not.toMatch(/secret|\n\s+at /);
    const listed = await valetkey(["token", "list", "--file", file]);
    expect([listed.code, listed.stderr]).toEqual([66, expect.not.stringContaining("secret")]);
    expect(readFileSync(file, "utf8")).toBe(content);
  }
  expect(readdirSync(folder)).toEqual(["tokens.json"]);
});

const TOKEN = "a-token-of-mia";
const start = async (over: Parameters<typeof startHost>[0] = {}) => {
  const folder = makeFolder();
  const host = await startHost({
    ...over,
    authenticate: ({ headers }) =>
      headers.get("authorization") === `Bearer ${TOKEN}` ? { id: "mia" } : undefined,
  });
  const upload = (files: ReadonlyArray<string>, token = TOKEN, ...more: ReadonlyArray<string>) =>
    valetkey(["upload", ...files, "--org", "acme", "--endpoint", host.address, ...more], {
      VALETKEY_TOKEN: token,
      XDG_STATE_HOME: folder,
    });
  return { folder, upload };
};

it("valetkey upload prints the address of each file, and says what is wrong with the others", async () => {
  const { folder, upload } = await start();
  const photo = join(folder, "photo.png");
  writeFileSync(photo, "12345");
  const none = join(folder, "none.png");
  const { code, stdout, stderr } = await upload([photo, none]);
  expect(stdout).toMatch(
    /^\S+photo\.png {2}http:\/\/127\.0\.0\.1:\d+\/api\/v1\/orgs\/acme\/files\/\S+\.png\n$/,
  );
  expect(stderr).toBe(`${none}: There is no such file. Check its path.\n`);
  expect(code).toBe(1);
  const json = await upload([photo, none], TOKEN, "--json");
  expect(JSON.parse(json.stdout)).toEqual([
    expect.objectContaining({
      file: photo,
      size: 5,
      content_type: "image/png",
      receipt: expect.any(String),
    }),
    {
      file: none,
      error: { code: "not-found", message: "There is no such file. Check its path." },
    },
  ]);
});

it("valetkey upload takes folders, whose files keep their places, and says what in them is no file", async () => {
  const { folder, upload } = await start();
  const album = join(folder, "album");
  mkdirSync(join(album, "2026", "empty"), { recursive: true });
  for (const name of ["b.png", "2026/a.png", ".DS_Store"])
    writeFileSync(join(album, name), "12345");
  symlinkSync(join(album, "b.png"), join(album, "link.png"));
  symlinkSync(folder, join(album, "2026", "up"));
  const { code, stdout, stderr } = await upload([`${album}/`, join(album, "2026", "empty")]);
  expect(stdout).toMatch(
    /^\S+\/album\/2026\/a\.png {2}http:\S+\.png\n\S+\/album\/b\.png {4,}http:\S+\.png\n$/,
  );
  const link = "It is a link, and links in a folder are not followed. Name it to upload its file.";
  expect(stderr.split("\n")).toEqual([
    `${album}/2026/up: ${link}`,
    `${album}/link.png: ${link}`,
    `${album}/2026/empty: The folder has no files.`,
    "",
  ]);
  expect(code).toBe(1);
  const json = await upload([album], TOKEN, "--json");
  expect(JSON.parse(json.stdout)).toMatchObject([
    { file: `${album}/2026/a.png`, path: "album/2026/a.png" },
    { error: { code: "link" } },
    { file: `${album}/b.png`, path: "album/b.png" },
    { error: { code: "link" } },
  ]);
});

it("valetkey upload goes on where the same command was stopped, and begins anew once all has arrived", async () => {
  const { folder, upload } = await start();
  const album = join(folder, "album");
  mkdirSync(album);
  const names = ["a.png", "b.png", "c.png"].map((name) => join(album, name));
  for (const name of names) writeFileSync(name, "12345");
  const seen = network(first(1, isPut, () => new Response("", { status: 400 })));
  const run = async () => {
    const before = seen.filter(isPut).length;
    const { stdout } = await upload([album], TOKEN, "--json");
    const rows: Array<{ key?: string }> = JSON.parse(stdout);
    return { keys: rows.map(({ key }) => key), puts: seen.filter(isPut).length - before };
  };
  const one = await run();
  expect([one.keys.filter(Boolean).length, one.puts]).toEqual([2, 3]);
  // One that arrived changed since.
  const arrived = one.keys.findIndex(Boolean);
  writeFileSync(names[arrived] ?? "", "123456");
  const two = await run();
  expect([two.keys.filter(Boolean).length, two.puts]).toEqual([3, 2]);
  expect(two.keys.filter((key) => key && one.keys.includes(key))).toHaveLength(1);
  const three = await run();
  expect([three.keys.filter(Boolean).length, three.puts]).toEqual([3, 3]);
  expect(three.keys.filter((key) => two.keys.includes(key))).toEqual([]);
  expect(readdirSync(join(folder, "valetkey", "arrived"))).toEqual([]);
});

it("valetkey upload uploads although its folder for state cannot be written", async () => {
  const { folder, upload } = await start();
  const photo = join(folder, "photo.png");
  writeFileSync(photo, "12345");
  writeFileSync(join(folder, "valetkey"), "");
  expect(await upload([photo])).toMatchObject({ code: 0, stderr: "" });
});

it("valetkey upload names the variable for a token that the service does not know", async () => {
  const { folder, upload } = await start();
  const photo = join(folder, "photo.png");
  writeFileSync(photo, "12345");
  const { code, stdout, stderr } = await upload([photo], "another-token");
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/photo\.png: The service does not know the caller\. Set VALETKEY_TOKEN /);
});

it("valetkey upload shows what the service, the store or a file is called as text, and in --json as the same text", async () => {
  const { folder, upload } = await start();
  const hostile = join(folder, "\u001b[2J\u009b\nb.png: done");
  mkdirSync(hostile);
  const photo = join(hostile, "photo.png");
  writeFileSync(photo, "12345");
  const line = `${folder}/\\u001b[2J\\u009b\\nb.png: done`;
  const good = await upload([photo]);
  expect(good.stdout).toMatch(/^[^\n]+\n$/);
  expect(good.stdout.startsWith(`${line}/photo.png  http://`)).toBe(true);

  const detail = "See \u202egro.elpmaxe\u202c.";
  const refused = { code: "FORBIDDEN", title: "Not allowed", detail };
  network(({ action }) =>
    action === "batch" ? Response.json(refused, { status: 403 }) : undefined,
  );
  const { code, stdout, stderr } = await upload([photo]);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toBe(`${line}/photo.png: Not allowed. See \\u202egro.elpmaxe\\u202c.\n`);
  const json = await upload([photo], TOKEN, "--json");
  expect(json.stdout).not.toMatch(/[\u202a-\u202e\u0080-\u009f]/);
  expect(JSON.parse(json.stdout)).toEqual([
    { file: photo, error: { code: "FORBIDDEN", message: `Not allowed. ${detail}` } },
  ]);

  vi.unstubAllGlobals();
  network((seen) =>
    isPut(seen)
      ? new Response("<Error><Code>A</Code><Message>\u2066a\u009b2J</Message></Error>", {
          status: 400,
        })
      : undefined,
  );
  expect((await upload([photo])).stderr).toBe(
    `${line}/photo.png: The store refused the upload: it answered 400 (A). Try again, or tell the operator.\n`,
  );
});

it("valetkey upload says in its help where the token comes from", async () => {
  expect((await valetkey(["upload", "--help"])).stdout).toContain("$VALETKEY_TOKEN");
});

it("valetkey upload gives files the usual type of their extension, and the policy's where that has another", async () => {
  const { folder, upload } = await start({
    policy: {
      allowedTypes: ["video/mp4", "audio/mpeg", "text/plain", "application/octet-stream"],
    },
  });
  const names = ["film.MP4", "song.mp3", "read.txt", "unknown.zz", "none"];
  const paths = names.map((name) => join(folder, name));
  for (const path of paths) writeFileSync(path, "12345");
  const { stdout } = await upload(paths, TOKEN, "--json");
  const types = JSON.parse(stdout).map((row: { content_type: string }) => row.content_type);
  expect(types).toEqual([
    "video/mp4",
    "audio/mpeg",
    "text/plain",
    "application/octet-stream",
    "application/octet-stream",
  ]);
  const refused = join(folder, "table.xlsx");
  writeFileSync(refused, "12345");
  expect((await upload([refused])).stderr).toContain("This file is application/vnd.openxml");
});

it("gives up a service that was never reached in ten seconds, and says so", async () => {
  const { folder, upload } = await start();
  const photo = join(folder, "photo.png");
  writeFileSync(photo, "12345");
  network(() => "lost");
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], now: 0 });
  // It has a clock of its own.
  vi.spyOn(AbortSignal, "timeout").mockImplementation((milliseconds) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), milliseconds);
    return controller.signal;
  });
  const running = upload([photo]);
  const pass = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(50);
    return vi.getTimerCount() > 0 || Date.now() < 10_000 ? pass() : undefined;
  };
  await pass();
  expect(Date.now()).toBeLessThan(15_000);
  const { code, stderr } = await running;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^No answer from http:\S+ in 10 seconds\. Check --endpoint, the network/);
});

it("valetkey upload names an endpoint and a token that cannot be used, and does not repeat the token", async () => {
  const { upload } = await start();
  const wrong = await valetkey(["upload", "a", "--org", "acme", "--endpoint", "file:///a"]);
  expect([wrong.code, wrong.stderr]).toEqual([
    64,
    expect.stringMatching(/^--endpoint must be the address of the service, such as https:/),
  ]);
  const { code, stderr } = await upload(["a"], "a-token\nof-two-lines");
  expect([code, stderr]).toEqual([
    64,
    "VALETKEY_TOKEN must be a token of the service: ASCII on one line.\n",
  ]);
});

it("a service whose answer cannot be used is named, with what to do", async () => {
  const { folder, upload } = await start();
  const photo = join(folder, "photo.png");
  writeFileSync(photo, "12345");
  network(({ action }) =>
    action === "confirm/batch" ? Response.json({ uploads: [{ file: {} }] }) : undefined,
  );
  const { code, stderr } = await upload([photo]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /photo\.png: The answer of http:\S+\/confirm\/batch has no valid key\. Check that endpoint is /,
  );
});

it("valetkey upload remembers in a file of the user alone what was sent, and what another process writes", async () => {
  const path = join(makeFolder(), "state", "uploads.json");
  const memory = makeUploadMemory(path);
  const keys = async () => [...(await memory.keys())];
  expect(await keys()).toEqual([]);
  memory.set("a", "1");
  makeUploadMemory(path).set("b", "2");
  memory.delete("none");
  expect(await keys()).toEqual(["a", "b"]);
  expect([memory.get("a"), memory.get("b")]).toEqual(["1", "2"]);
  memory.delete("a");
  expect(makeUploadMemory(path).get("a")).toBeUndefined();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  for (const wrong of ["{broken", "null", "5", `{"b":"${"2".repeat(2 ** 24)}"}`]) {
    writeFileSync(path, wrong);
    expect(memory.get("b")).toBeUndefined();
    expect(await keys()).toEqual([]);
  }
  memory.set("b", "3");
  expect(readFileSync(path, "utf8")).toBe('{"b":"3"}');
});

/** A line on a stream like that of a process, and what was written to it. */
const progressLine = (stream: { readonly isTTY: boolean; readonly columns: number }) => {
  vi.useFakeTimers({ toFake: ["Date"], now: 0 });
  const written: Array<string> = [];
  const line = makeProgressLine({
    ...stream,
    write: (text: string) => written.push(text) > 0,
  } as NodeJS.WriteStream);
  const show = (now: number, sent: number, total: number, more = {}) => {
    vi.setSystemTime(now);
    line.show({ sent, total, percent: (100 * sent) / total, ...more });
  };
  return { written, show, showFile: line.showFile, end: line.end };
};

const MIB = 2 ** 20;

it("the progress of an upload is written over on a terminal, ten times a second and as wide as that is", () => {
  const { written, show, end } = progressLine({ isTTY: true, columns: 60 });
  show(0, 0, 600_000);
  show(99, 1, 600_000);
  show(1000, MIB, 10 * MIB);
  show(2000, 2.5 * MIB, 10 * MIB);
  show(2100, 5 * MIB, 10 * MIB, { retrying: { attempt: 1, delay: 0, reason: "network" } });
  end();
  expect(written).toEqual([
    `\r\u001b[K[${"-".repeat(24)}] 0 % of 586 KiB`,
    `\r\u001b[K[${"#".repeat(2)}${"-".repeat(22)}] 10 % of 10.0 MiB`,
    `\r\u001b[K[${"#".repeat(6)}${"-".repeat(18)}] 25 % of 10.0 MiB, 6 s left`,
    `\r\u001b[K[${"#".repeat(12)}${"-".repeat(12)}] 50 % of 10.0 MiB, 3 s left, tryi`,
    "\r\u001b[K",
  ]);
});

it("the progress of an upload says what the service does with what has arrived", () => {
  const { written, show } = progressLine({ isTTY: true, columns: 80 });
  const waiting = { attempt: 1, delay: 5000, reason: "scanning" } as const;
  show(0, MIB - 1, MIB, { retrying: waiting });
  expect(written).toEqual([
    `\r\u001b[K[${"#".repeat(23)}-] 99 % of 1.0 MiB, scanning what has arrived`,
  ]);
});

it("the progress of an upload counts for the time left only what this run has sent", () => {
  const { written, show, showFile } = progressLine({ isTTY: true, columns: 80 });
  const [left, other] = [new Blob(["a"]), new Blob(["b"])];
  const progress = (sent: number, more = {}) => ({ sent, total: 50 * MIB, percent: 0, ...more });
  const retrying = { attempt: 1, delay: 0, reason: "network" } as const;
  showFile(other, progress(0, { retrying }));
  showFile(left, progress(40 * MIB));
  showFile(other, progress(0));
  show(0, 40 * MIB, 100 * MIB);
  showFile(left, progress(44 * MIB));
  show(2000, 44 * MIB, 100 * MIB);
  // The service has forgotten it, and all of it is sent again.
  showFile(left, progress(0, { retrying }));
  show(4000, 0, 100 * MIB);
  show(8000, 20 * MIB, 100 * MIB);
  expect(written.map((text) => /\d+ s left/.exec(text)?.[0])).toEqual([
    undefined,
    "28 s left",
    undefined,
    "32 s left",
  ]);
});

it("the progress of an upload is a line now and then elsewhere, in minutes where it takes long", () => {
  const { written, show, end } = progressLine({ isTTY: false, columns: 0 });
  show(9999, MIB, 100 * MIB);
  show(10_000, 5 * MIB, 100 * MIB);
  show(19_999, 6 * MIB, 100 * MIB);
  show(20_000, 0, 100 * MIB);
  end();
  expect(written).toEqual([
    `[#${"-".repeat(23)}] 5 % of 100.0 MiB, 4 min left\n`,
    `[${"-".repeat(24)}] 0 % of 100.0 MiB\n`,
  ]);
});

const STORAGE_POLICIES = JSON.stringify({
  checked: { arrival: "incoming", unconfirmed_after: "4 days" },
});

it("lifecycle prints the rule, and adds it once", async () => {
  const { env, settings } = await startS3();
  const lifecycle = (...options: ReadonlyArray<string>) =>
    valetkey(["lifecycle", ...options], { ...env, STORAGE_POLICIES });
  const printed = await lifecycle();
  expect(printed.stdout).toContain("<ID>valetkey-incoming</ID>");
  expect(settings.size).toBe(0);
  expect((await lifecycle("--apply")).stderr).toContain(
    "The rules were added: uploads that wait below incoming/ are removed after 4 days.\n",
  );
  expect(settings.get("lifecycle")).toContain("<Days>4</Days>");
  expect((await lifecycle("--apply")).stderr).toContain("The bucket has the rules already");
  const sooner = { ...env, STORAGE_POLICIES: STORAGE_POLICIES.replace("4 days", "3 days") };
  for (const [option, days] of [
    [[], 4],
    [["--replace"], 3],
  ] as const) {
    const { stderr } = await valetkey(["lifecycle", "--apply", ...option], sooner);
    expect(stderr).toContain(`are removed after ${days} days.`);
  }
  const without = await valetkey(["lifecycle"], env);
  expect([without.code, without.stdout]).toEqual([78, ""]);
});

it("cors and policy print what is to be set by hand, and cors --apply ends with 1", async () => {
  const { env } = await startS3();
  const cors = await valetkey(["cors", "--origin", "https://b.example.com"], env);
  expect(cors.stdout).toBe("MINIO_API_CORS_ALLOW_ORIGIN=https://b.example.com\n");
  expect(cors.stderr).toMatch(/^To set it yourself: MinIO has no rules per bucket/);
  const policy = await valetkey(["policy", "get"], env);
  const statements = JSON.parse(policy.stdout).Statement as ReadonlyArray<{
    Action: Array<string>;
  }>;
  expect(statements.flatMap(({ Action }) => Action)).toEqual([
    "s3:GetObject",
    "s3:GetObjectVersion",
  ]);
  const applied = await valetkey(["cors", "--apply"], env);
  expect(applied).toMatchObject({
    code: 1,
    stdout: "MINIO_API_CORS_ALLOW_ORIGIN=https://app.example.com\n",
    stderr: expect.stringMatching(/^This store takes no such rule from here/),
  });
});

it("cors --apply adds pages to the rule, and with --replace takes the others away", async () => {
  const { env, settings } = await startS3();
  const [a, b] = ["https://a.example.com", "https://b.example.com"];
  const allowing = async (...options: ReadonlyArray<string>) =>
    (await valetkey(["cors", "--apply", ...options], { ...env, STORAGE_PROVIDER: "seaweedfs" }))
      .stderr;
  expect(await allowing("--origin", a)).toContain(`The rule was set: pages of ${a} may upload.`);
  expect(await allowing("--origin", b)).toContain(`: pages of ${a}, ${b} may upload.`);
  expect(await allowing("--origin", b, "--replace")).toContain(`No longer allowed: ${a}`);
  expect(settings.get("cors")).not.toContain(a);
});

it("certify says what the store is, what it keeps, and how far it is", async () => {
  const promised = PROMISES as Array<StorePromise>;
  const all = promised.splice(0, Infinity, ...PROMISES.filter(({ title }) => TRIED.has(title)));
  onTestFinished(() => void promised.splice(0, Infinity, ...all));
  const { env, settings } = await startS3();
  settings.set("versioning", "<VersioningConfiguration><Status>Suspended</Status>");
  const { code, stdout, stderr } = await valetkey(["certify", "--json"], {
    ...env,
    STORAGE_BUCKET: "files",
  });
  const { promises, date: _, digest: __, valetkey: ___, ...facts } = JSON.parse(stdout);
  expect(facts).toMatchObject({
    endpoint: env.STORAGE_ENDPOINT,
    adapter: "minio",
    provider: "minio",
    bucket: "files",
    state: { versions: "suspended" },
  });
  expect(promises.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
    "kept",
    "not tried",
    "kept",
    "broken",
  ]);
  expect(stderr).toContain("kept: a PUT as granted");
  expect(code).toBe(1);
});

describe.each(["minio", "aws"])("a mistyped bucket of the adapter %s is not made", (adapter) => {
  const store = async () => {
    const made: Array<string> = [];
    const { env } = await startS3(({ method, url }, usual) => {
      if (method === "PUT" && /^\/\w+\/?$/.test(new URL(url).pathname)) made.push(url);
      return usual();
    });
    const mistyped = { STORAGE_BUCKET: "flies", STORAGE_CREATE_BUCKET: "on" };
    return { made, env: { ...env, STORAGE_ADAPTER: adapter, ...mistyped } };
  };

  it("by the store of the commands", async () => {
    const { made, env } = await store();
    const { storage } = readStoreOrFail(env);
    const ensured = ObjectStore.use(({ ensureBucket }) => ensureBucket);
    const failure = await Effect.runPromise(
      ensured.pipe(Effect.provide(quietly(storage.layer)), Effect.flip),
    );
    expect(failure.reason).toMatch(/^the bucket flies does not exist/);
    expect(made).toEqual([]);
  });

  it.each(["doctor", "certify"])("by valetkey %s", async (command) => {
    const { made, env } = await store();
    expect((await valetkey([command], env)).code).not.toBe(0);
    expect(made).toEqual([]);
  });
});

/** Serves until a signal comes, if it gets so far; gives the exit code. */
const serving = async (
  env: Readonly<Record<string, string>>,
  listen: Listen = () => Promise.reject(new Error("nothing may be served")),
) => {
  for (const [name, value] of Object.entries({ LOG_LEVEL: "error", ...env }))
    vi.stubEnv(name, value);
  const codes: Array<unknown> = [];
  vi.spyOn(process, "exit").mockImplementation((code) => {
    codes.push(code);
    return undefined as never;
  });
  let told = "";
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    told += String(text);
    return true;
  });
  const timers = vi.spyOn(globalThis, "setTimeout");
  await main(["serve"], listen);
  // One of them ends the process if something hangs, which no longer is the service's own.
  for (const { value } of timers.mock.results) clearTimeout(value as NodeJS.Timeout);
  timers.mockRestore();
  return { codes, told };
};

/** The same until what it serves has been used. */
const servingUntil = (
  use: (options: Parameters<Listen>[0]) => Promise<unknown>,
  env: Readonly<Record<string, string>> = {},
  onStop: () => unknown = () => undefined,
) => {
  const before = process.listeners("SIGTERM");
  const all = { STORAGE_LOCAL_DIR: makeFolder(), SHUTDOWN_GRACE: "0 seconds", ...env };
  return serving(all, async (options) => {
    await use(options);
    setImmediate(() => {
      const added = process.listeners("SIGTERM").filter((each) => !before.includes(each));
      for (const listener of added) listener("SIGTERM");
    });
    return { stop: async () => void onStop() };
  });
};

it("valetkey serve listens in this process, and ends with 0 once it is told to", async () => {
  const port = await freePort();
  const events: Array<unknown> = [];
  const { codes } = await servingUntil(
    async ({ host, port }) => void events.push([host, port]),
    { PORT: `${port}` },
    () => events.push("stopped"),
  );
  expect(events).toEqual([["127.0.0.1", port], "stopped"]);
  expect(codes).toEqual([0]);
});

it("valetkey serve under AUTH=forward believes its proxies about callers and their addresses, and has no page", async () => {
  const env = {
    AUTH: "forward",
    AUDIT: "stdout",
    FORWARD_AUTH_TRUSTED: "10.0.0.1",
    RECEIPT_KEYS: `k1:${receiptKey("k1").toString("base64")}`,
  };
  const pages: Array<number> = [];
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  for (const address of ["10.0.0.1", "10.0.0.2"]) {
    const headers = {
      "X-Forwarded-For": "203.0.113.9",
      "X-Forwarded-User": "mia",
      "X-Forwarded-Groups": "acme",
    };
    const ask = async (path: string, serve: Parameters<Listen>[0]["fetch"]) =>
      (await serve(new Request(`http://127.0.0.1${path}`, { headers }), { address })).status;
    await servingUntil(async ({ fetch }) => {
      await ask("/api/v1/orgs/acme/files/policies", fetch);
      pages.push(await ask("/", fetch));
    }, env);
  }
  expect(pages).toEqual([404, 404]);
  const written = write.mock.calls.map(([text]) => String(text)).join("");
  const lines = written.split("\n").filter((line) => line.includes('"audit":'));
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { decision: "granted", subject: "mia", address: "203.0.113.9" },
    { decision: "refused", code: "UNAUTHENTICATED", address: "10.0.0.2" },
  ]);
});

it("valetkey serve ends with 1 where it cannot listen or its key for uploads reads, and with 78 where its configuration is wrong", async () => {
  const busy = await serving({ STORAGE_LOCAL_DIR: makeFolder() });
  expect(busy.codes).toEqual([1]);
  expect(busy.told).toMatch(/^Valetkey cannot start: .*nothing may be served/);
  vi.restoreAllMocks();
  const { env } = await startS3(({ method }) =>
    method === "HEAD" ? new Response(null, { status: 404 }) : undefined,
  );
  const any = { ...env, STORAGE_ADAPTER: "aws", STORAGE_PROVIDER: "s3" };
  const unsafe = await serving(any, () => Promise.resolve({ stop: () => Promise.resolve() }));
  expect(unsafe.codes).toEqual([1]);
  expect(unsafe.told).toMatch(/^Valetkey cannot start: the key for uploads .* may read/m);
  vi.restoreAllMocks();
  const wrong = await serving({ PORT: "eighty" });
  expect(wrong.codes).toEqual([78]);
  expect(wrong.told).toMatch(/PORT must be /);
});
