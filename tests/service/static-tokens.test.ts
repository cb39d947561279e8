import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, vi } from "vitest";
import { main } from "../../adapters/cli/main.ts";
import { variables } from "../../adapters/settings/source.ts";
import { listenNode } from "../../adapters/http/server/listen-node.ts";
import { read } from "../../adapters/identity/settings.ts";
import { storedTokens } from "../../adapters/identity/static.ts";
import { decodeTokens, newToken } from "../../adapters/identity/token-file.ts";
import { bundled } from "../support/bundled.ts";
import { CHILD_ENV } from "../support/child-env.ts";
import { startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { PRESIGN, presignInit, startService } from "../http/service.ts";
import { receiptKey } from "../support/receipt-key.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "valetkey-tokens-"));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const freshFile = () => join(folder, `tokens-${++files}.json`);

const cli = await bundled("cli");

/** Runs `valetkey token` as a person does. */
const command = (
  args: ReadonlyArray<string>,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> =>
  new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [cli, "token", ...args],
      { cwd: ROOT, env: CHILD_ENV },
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });

const create = (path: string, org = "acme") => command(["create", "--org", org, "--file", path]);

const TOKEN = /^vk_([0-9a-f]{16})_[A-Za-z0-9_-]{43}\n$/;
const idIn = (token: string) => token.split("_")[1] ?? "";
const idsIn = (path: string) =>
  (JSON.parse(readFileSync(path, "utf8")) as { tokens: Array<{ id: string }> }).tokens
    .map(({ id }) => id)
    .toSorted();

// What the command says and refuses is in tests/cli/commands.test.ts.
describe("valetkey token create", () => {
  it("stores both tokens if two are created at once", async () => {
    const path = freshFile();
    const made = await Promise.all(["a", "b"].map((org) => create(path, org)));
    for (const { code, stdout, stderr } of made) {
      expect([0, 73]).toContain(code);
      if (code === 73) expect([stdout, stderr]).toEqual(["", expect.stringContaining(path)]);
    }
    const printed = made.flatMap(({ stdout }) => TOKEN.exec(stdout)?.[1] ?? []);
    expect(printed.length).toBeGreaterThan(0);
    expect(idsIn(path)).toEqual(printed.toSorted());
  });

  it("stores every token, however many are created at once", async () => {
    const path = freshFile();
    const { exitCode } = process;
    const out = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const error = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const texts = (spy: typeof out | typeof error) => spy.mock.calls.map(([text]) => String(text));
    try {
      // Each begins where another is somewhere else in its work.
      const one = async (number: number) => {
        for (let turn = 0; turn < number % 7; turn++) await readFile(import.meta.filename);
        await main(["token", "create", "--org", "acme", "--file", path], listenNode);
      };
      for (let round = 0; round < 20; round++) {
        await Promise.all(Array.from({ length: 12 }, (_, number) => one(number)));
        const printed = texts(out).flatMap((text) => TOKEN.exec(text)?.[1] ?? []);
        expect(idsIn(path)).toEqual(printed.toSorted());
      }
      const refusals = texts(error).filter((text) => !text.includes("was added"));
      expect(refusals.filter((text) => !text.includes("another command is changing"))).toEqual([]);
    } finally {
      vi.restoreAllMocks();
      process.exitCode = exitCode;
    }
  });
});

/** An entry of the file, and the token of which it knows the hash. */
function entry(over: object = {}) {
  const { id, sha256, token } = newToken();
  const defaults = {
    kind: "service",
    subject: id,
    organizations: ["acme"],
    scopes: ["write", "read", "confirm"],
  };
  return { token, stored: { id, sha256, ...defaults, ...over } };
}

const write = (path: string, ...entries: ReadonlyArray<{ readonly stored: object }>) =>
  writeFileSync(path, JSON.stringify({ tokens: entries.map(({ stored }) => stored) }));

async function serving(...entries: ReadonlyArray<{ readonly stored: object }>) {
  const path = freshFile();
  write(path, ...entries);
  const identity = Result.getOrThrow(read(variables({ AUTH: "static", AUTH_TOKENS_FILE: path })));
  return startService({ identity });
}

const at = (name: string) => PRESIGN.replace("presign", name);

describe("a service with tokens of a file", () => {
  it("admits a token to its own organizations, and reveals nothing about others", async () => {
    const acme = entry();
    const globex = entry({ organizations: ["globex"] });
    const { request } = await serving(acme, globex);
    const ask = async (slug: string) => {
      const init = presignInit(undefined, { Authorization: `Bearer ${acme.token}` });
      const answer = await request(`/api/v1/orgs/${slug}/files/presign`, init);
      const headers = [...answer.headers].filter(([name]) => !/^(?:x-request-id|date)$/.test(name));
      return { status: answer.status, headers, body: await answer.text() };
    };
    expect((await ask("acme")).status).toBe(200);
    const others = await ask("globex");
    expect(others.status).toBe(404);
    expect(await ask("nobody-has-this")).toEqual(others);
    expect(await ask("No-Name")).toEqual(others);
  });

  it("allows a token what its scopes say, and names a scope that is missing", async () => {
    const writer = entry({ scopes: ["write"] });
    const reader = entry({ scopes: ["read"] });
    const { request } = await serving(writer, reader);
    const ask = async (token: string, path: string, init: RequestInit = {}) => {
      const headers = { ...init.headers, Authorization: `Bearer ${token}` };
      const answer = await request(path, { ...init, headers });
      const body = answer.status === 302 ? {} : await answer.json();
      return { status: answer.status, code: body.code, scope: body.scope, receipt: body.receipt };
    };
    const granted = await ask(writer.token, PRESIGN, presignInit());
    expect(granted.status).toBe(200);
    const { receipt } = granted;
    const file = at("2026/11/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png");
    expect(await ask(writer.token, at("confirm"), presignInit({ receipt }))).toMatchObject({
      status: 403,
      code: "FORBIDDEN",
      scope: "confirm",
    });
    for (const [path, init] of [
      [file, {}],
      [at("links"), presignInit({ receipt })],
    ] as const) {
      const refused = await ask(writer.token, path, init);
      expect(refused).toMatchObject({ status: 403, code: "FORBIDDEN", scope: "read" });
    }
    expect((await ask(writer.token, at("policies"))).status).toBe(200);
    expect((await ask(reader.token, file)).status).toBe(302);
    for (const [path, init] of [
      [PRESIGN, presignInit()],
      [at("policies"), {}],
    ] as const) {
      const refused = await ask(reader.token, path, init);
      expect(refused).toMatchObject({ status: 403, scope: "write" });
    }
  });

  it("refuses the id, the hash or a part of a token", async () => {
    const { token, stored } = entry();
    const { request } = await serving({ stored });
    const [, id = "", secret = ""] = token.split("_");
    for (const wrong of [
      id,
      secret,
      stored.sha256,
      `vk_${id}_${stored.sha256.slice(0, 43)}`,
      `vk_${id}_${"A".repeat(43)}`,
      `vk_${"0".repeat(16)}_${secret}`,
      token.slice(0, -1),
      `${token}A`,
      token.toUpperCase(),
      token.replace("vk_", "VK_"),
    ]) {
      const init = presignInit(undefined, { Authorization: `Bearer ${wrong}` });
      expect((await request(PRESIGN, init)).status).toBe(401);
    }
    const init = presignInit(undefined, { Authorization: `Bearer ${token}` });
    expect((await request(PRESIGN, init)).status).toBe(200);
  });

  it("accepts tokens that the command creates, and refuses those that it revokes", async () => {
    const path = freshFile();
    const make = async () => (await create(path)).stdout.trim();
    const first = await make();
    const service = await startProcess({
      AUTH: "static",
      AUTH_TOKENS_FILE: path,
      AUDIT: "off",
      RECEIPT_KEYS: `test:${receiptKey("test").toString("base64")}`,
    });
    try {
      const status = async (token: string) => {
        const init = presignInit(undefined, { Authorization: `Bearer ${token}` });
        return (await fetch(`${service.address}${PRESIGN}`, init)).status;
      };
      expect(await status(first)).toBe(200);
      const second = await make();
      await until("the new token", async () => (await status(second)) === 200);
      expect(await status(first)).toBe(200);
      expect((await command(["revoke", idIn(first), "--file", path])).code).toBe(0);
      await until("the end of the old", async () => (await status(first)) === 401);
      expect(await status(second)).toBe(200);
      expect(service.output()).not.toContain(first);
      expect(service.output()).not.toContain(second);
    } finally {
      await service.stop();
    }
  });
});

it.effect("a token is valid until the millisecond before it expires", () =>
  Effect.gen(function* () {
    const { token, stored } = entry({ expires_at: "1970-01-01T00:00:10Z" });
    const tokens = Result.getOrThrow(decodeTokens({ tokens: [stored] }));
    const { authenticate } = storedTokens(tokens);
    const isKnown = authenticate({
      headers: new Headers({ Authorization: `Bearer ${token}` }),
      address: undefined,
    }).pipe(Effect.match({ onSuccess: () => true, onFailure: () => false }));
    yield* TestClock.setTime(9_999);
    expect(yield* isKnown).toBe(true);
    yield* TestClock.setTime(10_000);
    expect(yield* isKnown).toBe(false);
  }),
);

it("while the file is broken its last tokens stay valid, and the log says so once", async () => {
  const path = freshFile();
  const [kept, late] = [entry(), entry()];
  write(path, kept);
  const service = await startProcess({
    AUTH: "static",
    AUTH_TOKENS_FILE: path,
    RECEIPT_KEYS: `test:${receiptKey("test").toString("base64")}`,
  });
  const isKnown = async (token: string) => {
    const answer = await fetch(`${service.address}/api/v1/orgs/acme/files/policies`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    return answer.status === 200;
  };
  const refusals = () => service.output().split("was not reloaded").length - 1;
  let expected = 0;
  for (const content of ["hidden, and no JSON", '{"tokens": [{"id": "hidden"}]}', undefined]) {
    if (content === undefined) rmSync(path);
    else writeFileSync(path, content);
    expected++;
    await until("the refusal", () => refusals() === expected);
    expect(await isKnown(kept.token)).toBe(true);
  }
  expect(service.output()).not.toContain("hidden");
  write(path, late);
  await until("the new token", () => isKnown(late.token));
  expect(await isKnown(kept.token)).toBe(false);
  expect(refusals()).toBe(expected);
  await service.stop();
});
