import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import { readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { vi } from "vitest";
import { main } from "../../adapters/cli/main.ts";
import { variables } from "../../adapters/settings/source.ts";
import { listenNode } from "../../adapters/http/server/listen-node.ts";
import { read } from "../../adapters/identity/settings.ts";
import { storedTokens } from "../../adapters/identity/static.ts";
import { decodeTokens, newToken } from "../../adapters/identity/token-file.ts";
import { valetkey } from "../support/command-line.ts";
import { makeFolder } from "../support/make-folder.ts";
import { startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { PRESIGN, presignInit, startService } from "../http/service.ts";
import { receiptKey } from "../support/receipt-key.ts";

const folder = makeFolder();

let files = 0;
const freshFile = () => join(folder, `tokens-${++files}.json`);

const TOKEN = /^vk_([0-9a-f]{16})_[A-Za-z0-9_-]{43}\n$/;
const idsIn = (path: string) =>
  (JSON.parse(readFileSync(path, "utf8")) as { tokens: Array<{ id: string }> }).tokens
    .map(({ id }) => id)
    .toSorted();

// What the command says and refuses is in tests/cli/commands.test.ts.
it("valetkey token create stores every token, however many are created at once", async () => {
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

async function serving({ stored }: ReturnType<typeof entry>) {
  const path = freshFile();
  writeFileSync(path, JSON.stringify({ tokens: [stored] }));
  const identity = Result.getOrThrow(read(variables({ AUTH: "static", AUTH_TOKENS_FILE: path })));
  return startService({ identity });
}

it("a service with tokens of a file admits a token to its own organizations, for its own scopes", async () => {
  const { token, stored } = entry({ organizations: ["acme", "b"], scopes: ["write"] });
  const { request } = await serving({ token, stored });
  const ask = async (path: string) => {
    const init = presignInit(undefined, { Authorization: `Bearer ${token}` });
    return (await (await request(path, init)).json()).code;
  };
  expect(await ask(PRESIGN)).toBeUndefined();
  expect(await ask(PRESIGN.replace("acme", "b"))).toBeUndefined();
  expect(await ask(PRESIGN.replace("acme", "globex"))).toBe("NOT_FOUND");
  expect(await ask(PRESIGN.replace("presign", "confirm"))).toBe("FORBIDDEN");
});

it("a service with tokens of a file refuses the id, the hash or a part of a token", async () => {
  const { token, stored } = entry();
  const { request } = await serving({ token, stored });
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

it("a service with tokens of a file accepts tokens that the command creates, and refuses those that it revokes", async () => {
  const path = freshFile();
  const make = async () =>
    (await valetkey(["token", "create", "--org", "acme", "--file", path])).stdout.trim();
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
    expect((await valetkey(["token", "revoke", first, "--file", path])).code).toBe(0);
    await until("the end of the old", async () => (await status(first)) === 401);
    expect(await status(second)).toBe(200);
    expect(service.output()).not.toContain(first);
    expect(service.output()).not.toContain(second);
  } finally {
    await service.stop();
  }
});

it.effect("a token is valid until the millisecond before it expires", () =>
  Effect.gen(function* () {
    const { token, stored } = entry({ expires_at: "1970-01-01T00:00:10Z" });
    const file = freshFile();
    writeFileSync(file, JSON.stringify({ tokens: [stored] }));
    const tokens = Result.getOrThrow(decodeTokens({ tokens: [stored] }));
    const { authenticate } = yield* storedTokens({ file, tokens });
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
