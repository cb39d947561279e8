import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newToken } from "../../adapters/identity/token-file.ts";
import { SECRET } from "../events/backend.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { CHILD_ENV } from "../support/child-env.ts";
import { type CuttingProxy, startCuttingProxy } from "../support/cutting-proxy.ts";
import { freePort } from "../support/free-port.ts";
import { need } from "../support/need.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";
import { until } from "../support/until.ts";

// The Python package by a program of a few lines, which says itself what it can be asked for.

const checks = await need("pythonChecks");
const minio = await need("minio");

const PACKAGE = new URL("../../clients/python/src", import.meta.url).pathname;
const ENVIRONMENT = { ...CHILD_ENV, PYTHONPATH: PACKAGE, PYTHONDONTWRITEBYTECODE: "1" };
const python = join(dirname(checks ?? ""), "python");
const PROGRAM = new URL("python/program.py", import.meta.url).pathname;

const LARGE = 60_000_000;
const PART = 5 * 2 ** 20;

let folder: string;
let large: string;
let small: string;
let content: Buffer;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "valetkey-python-"));
  content = randomBytes(LARGE);
  large = join(folder, "large.png");
  small = join(folder, "small.txt");
  writeFileSync(large, content);
  writeFileSync(small, "hello");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a command prints: not each has all. */
type Printed = Readonly<
  Record<"key" | "get_url" | "file_url" | "receipt" | "put_url" | "message", string>
> & { readonly put_headers: Record<string, string>; readonly sent: number; readonly size: number };

/** Sends messages to the receiver of the page: one that is signed, twice, after one that is not. */
const RECEIVE = `
import asyncio, base64, hashlib, hmac, json, time
import httpx, receive

body = json.dumps({"type": "upload.confirmed", "timestamp": "", "data": {"key": "a-key"}}).encode()
at = str(int(time.time()))
mac = hmac.digest(receive.webhook._keys[0], b"evt_1." + at.encode() + b"." + body, hashlib.sha256)
signed = {"webhook-id": "evt_1", "webhook-timestamp": at,
          "webhook-signature": "v1," + base64.b64encode(mac).decode()}

async def main():
    transport = httpx.ASGITransport(app=receive.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        for_each = [{}, signed, signed]
        print([(await client.post("/hook", content=body, headers=h)).status_code for h in for_each])

asyncio.run(main())
`;

interface Running {
  readonly child: ChildProcess;
  /** What it has said so far on standard error. */
  readonly said: () => string;
  /** The line that it prints, or its last word where it fails. */
  readonly result: Promise<{ readonly code: number | null; readonly value: Printed }>;
}

/** Starts the program, on either client. */
function start(kind: Kind, args: ReadonlyArray<string>): Running {
  const child = spawn(python, [PROGRAM, ...(kind === "AsyncClient" ? ["--async"] : []), ...args], {
    env: ENVIRONMENT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close");
  atTestEnd(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  const result = Promise.all([text(child.stdout), ended]).then(([out, [code]]) => {
    const line = (code === 0 ? out : said).trimEnd().split("\n").at(-1) ?? "";
    if (!line.startsWith("{") && code !== 0) throw new Error(said);
    return { code, value: JSON.parse(line) };
  });
  result.catch(() => undefined);
  return { child, said: () => said, result };
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Bytes of the file that have been sent, as its progress says. */
const sentBy = ({ said }: Running) => Number(/.*progress (\d+)/s.exec(said())?.[1] ?? 0);

/** A line that is cut every 2.5 MB, in the mean: no store takes parts that are as small as that. */
function* everyFewBytes() {
  for (;;) yield* [1_000_000, 1_000_000, 5_500_000];
}

type Kind = "Client" | "AsyncClient";
const KINDS: ReadonlyArray<Kind> = ["Client", "AsyncClient"];

describe.skipIf(checks === undefined)("the Python client", () => {
  describe.for([
    ["Client", "the embedded store"],
    ["AsyncClient", "the embedded store"],
    ["Client", "MinIO"],
  ] as const)("%s with %s, over a bad line", ([kind, store]) => {
    const isMissing = store === "MinIO" && minio === undefined;
    let service: ServiceProcess;
    let network: CuttingProxy;
    let state: string;
    let options: ReadonlyArray<string>;
    beforeAll(async () => {
      if (isMissing) return;
      const server = store === "MinIO" ? minio : undefined;
      network = await startCuttingProxy(() =>
        Number(new URL(server?.endpoint ?? service.address).port),
      );
      const address = `http://127.0.0.1:${network.port}`;
      service = await startProcess({
        STORAGE_MAX_FILE_SIZE: "64 MiB",
        LOG_LEVEL: "info",
        PUBLIC_URL: address,
        ...(server && {
          STORAGE_ADAPTER: "minio",
          STORAGE_BUCKET: `python-${crypto.randomUUID()}`,
          STORAGE_CREATE_BUCKET: "on",
          STORAGE_ENDPOINT: server.endpoint,
          STORAGE_PUBLIC_ENDPOINT: address,
          STORAGE_ACCESS_KEY: server.accessKey,
          STORAGE_SECRET_KEY: server.secretKey,
        }),
      });
      // The first readiness check creates the bucket.
      await fetch(`${service.address}/readyz`);
      const token = join(folder, "token");
      writeFileSync(token, service.token);
      const base = server ? service.address : address;
      options = ["--base", base, "--org", "acme", "--token-file", token];
    });
    afterAll(async () => {
      await network?.close();
      await service?.stop();
    });
    beforeEach(() => {
      state = mkdtempSync(join(folder, "state-"));
    });

    const upload = () => start(kind, ["upload", ...options, "--state", state, large]);
    const expectWhole = async ({ result, said }: Running) => {
      const { code, value } = await result;
      expect(code, said()).toBe(0);
      const stored = Buffer.from(await (await fetch(value.get_url)).arrayBuffer());
      expect(sha256(stored)).toBe(sha256(content));
      expect(value).toMatchObject({ size: LARGE, metadata: { from: "a-client" } });
      expect(readdirSync(state)).toEqual([]);
      return value;
    };
    /** How many uploads in parts were begun. */
    const begun = () => service.output().match(/"path":"[^"]*\/multipart"/g)?.length ?? 0;

    it.skipIf(isMissing)(
      "60 MB in parts arrive as they were, though the line is cut every 2.5 MB",
      async () => {
        const before = network.cuts();
        network.cutEach(everyFewBytes());
        const uploading = upload();
        await uploading.result;
        network.cutAfter(Infinity);
        await expectWhole(uploading);
        expect(network.cuts() - before).toBeGreaterThan(20);
      },
    );

    it.skipIf(isMissing).for(["SIGKILL", "SIGINT"] as const)(
      "after %s another process sends only the missing parts",
      async (signal) => {
        const before = begun();
        network.holdAfter(3);
        const ended = upload();
        // One goes alone, then two together: of the next ones bytes go once all three have arrived.
        await until("three parts", () => sentBy(ended) > 3 * PART);
        ended.child.kill(signal);
        await once(ended.child, "close");
        network.release();
        if (signal === "SIGINT") expect(ended.said()).toMatch(/interrupted, with 1 thread\n$/);
        const { sent } = await expectWhole(upload());
        expect(sent).toBe(LARGE - 3 * PART);
        expect(begun() - before).toBe(1);
      },
    );

    it.skipIf(isMissing)(
      "a line that stands still for a while costs nothing that was sent",
      async () => {
        const uploading = upload();
        await until("some parts", () => sentBy(uploading) > 2 * PART);
        network.stall(true);
        const probe = fetch(`http://127.0.0.1:${network.port}/`, {
          signal: AbortSignal.timeout(500),
        });
        await expect(probe).rejects.toThrow("timeout");
        network.stall(false);
        expect((await expectWhole(uploading)).sent).toBe(LARGE);
      },
    );
  });

  it.for(KINDS)("%s: a token that ends in the middle is replaced by a fresh one", async (kind) => {
    const [old, fresh] = [newToken(), newToken()];
    const tokens = join(folder, "tokens.json");
    const writeTokens = (...valid: ReadonlyArray<typeof old>) => {
      const rest = { kind: "service", subject: "runner", organizations: ["acme"] };
      const scopes = ["write", "read", "confirm"];
      const entries = valid.map(({ id, sha256 }) => ({ id, sha256, ...rest, scopes }));
      writeFileSync(tokens, JSON.stringify({ tokens: entries }));
    };
    writeTokens(old, fresh);
    const service = await startProcess({
      STORAGE_MAX_FILE_SIZE: "64 MiB",
      AUTH: "static",
      AUTH_TOKENS_FILE: tokens,
      RECEIPT_KEYS: `test:${receiptKey("test").toString("base64")}`,
    });
    const network = await startCuttingProxy(() => Number(new URL(service.address).port));
    atTestEnd(network.close);
    const tokenFile = join(folder, "token-that-ends");
    writeFileSync(tokenFile, old.token);
    const state = mkdtempSync(join(folder, "state-"));
    // What the service signs leads to itself, beside the proxy.
    const base = `http://127.0.0.1:${network.port}`;
    const args = ["--base", base, "--org", "acme", "--token-file", tokenFile, "--state", state];
    const uploading = start(kind, ["upload", ...args, large]);
    await until("the start", () => sentBy(uploading) > PART);
    network.stall(true);
    writeTokens(fresh);
    await until("the end of the token", async () => {
      const headers = { Authorization: `Bearer ${old.token}` };
      const url = `${service.address}/api/v1/orgs/acme/files/policies`;
      return (await fetch(url, { headers })).status === 401;
    });
    writeFileSync(tokenFile, fresh.token);
    network.stall(false);
    const { code, value } = await uploading.result;
    expect(code, uploading.said()).toBe(0);
    expect(value.size).toBe(LARGE);
    expect(uploading.said()).not.toContain(old.token);
  });

  describe.for(KINDS)("%s with the embedded store", (kind) => {
    let service: ServiceProcess;
    let hook: string;
    let options: ReadonlyArray<string>;
    beforeAll(async () => {
      hook = `http://127.0.0.1:${await freePort()}`;
      service = await startProcess({
        STORAGE_POLICIES: JSON.stringify({ files: { link_lifetime: "1 day" } }),
        EVENTS_URL: `${hook}/hook`,
        EVENTS_SECRETS: SECRET,
        EVENTS_ALLOW_PRIVATE: "on",
      });
      const token = join(folder, "token");
      writeFileSync(token, service.token);
      options = ["--base", service.address, "--org", "acme", "--token-file", token];
    });
    afterAll(() => service?.stop());
    const run = async (name: string, ...args: ReadonlyArray<string>) =>
      (await start(kind, [name, ...options, ...args]).result).value;

    it("lists, opens, shares and removes a file, and tells its state", async () => {
      const file = await run("upload", small);
      const digest = createHash("sha256").update("hello").digest("base64");
      expect(file).toMatchObject({ size: 5, sent: 5, sha256: digest });
      expect(await run("list")).toContain(file.key);
      expect(await run("state", file.key)).toBe("ready");
      for (const url of [await run("url", file.file_url), await run("link", file.receipt)]) {
        expect(await (await fetch(String(url))).text()).toBe("hello");
      }
      await run("remove", file.file_url);
      await run("remove", file.key);
      expect(await run("state", file.key)).toBe("missing");
      expect(await run("list")).not.toContain(file.key);
    });

    if (kind === "Client")
      it("its page has programs that run as they are", async () => {
        const snippets = snippetsOf("clients/python/README.md");
        const env = {
          VALETKEY: service.address,
          DEV_TOKEN: service.token,
          WEBHOOK_SECRET: SECRET,
          LINKS: "on",
        };
        const outputs = new Map<string, string>();
        for (const [name, code] of snippets) {
          writeFileSync(join(folder, name), code);
          const isReceiver = name === "receive.py";
          const args = isReceiver ? ["-c", RECEIVE] : [name, ...(/argv/.test(code) ? [small] : [])];
          const { stdout } = await promisify(execFile)(python, args, {
            cwd: folder,
            env: { ...ENVIRONMENT, ...env },
          });
          outputs.set(name, stdout);
        }
        expect([...outputs.keys()]).toHaveLength(6);
        const key = /orgs\/\S+\.txt/;
        for (const name of ["upload.py", "upload_async.py", "files.py", "presign.py"]) {
          expect(outputs.get(name)).toMatch(key);
        }
        expect(outputs.get("progress.py")).toBe("{'run': '4711'}\n");
        expect(outputs.get("files.py")).toMatch(/\nready\nhttp:\S+\nhttp:\S+\n$/);
        expect(outputs.get("receive.py")).toBe("use a-key\n[401, 204, 204]\n");
      });

    it("asks for a URL alone, and confirms what somebody else has sent", async () => {
      expect(await run("policies")).toMatchObject([{ name: "files" }]);
      const granted = await run("presign", "a.txt", "text/plain");
      const headers = granted.put_headers;
      await fetch(granted.put_url, { method: "PUT", headers, body: "world" });
      expect(await run("confirm", granted.receipt)).toMatchObject({ key: granted.key, size: 5 });
    });

    it("tells a refusal by the code of the service, and what to do about it", async () => {
      writeFileSync(join(folder, "a.html"), "<p>");
      const refused = await run("upload", join(folder, "a.html"));
      expect(refused).toMatchObject({ code: "UNSUPPORTED_MEDIA_TYPE", status: 415 });
      expect(refused.message).toMatch(/The policy accepts image\/png/);
      expect(await run("state", "../../etc/passwd")).toMatchObject({ code: "INVALID_FILE" });
      expect(await run("upload", folder)).toMatchObject({ code: "INVALID_FILE" });
    });

    it("verifies an event of the service, and refuses those of others", async () => {
      const other = `whsec_${Buffer.alloc(24, "x").toString("base64")}`;
      const receiver = start(kind, ["receive", "--base", hook, other, SECRET]);
      let received = "";
      receiver.child.stdout?.on("data", (chunk: Buffer) => (received += chunk.toString()));
      await until("the receiver", async () => (await fetch(hook)).status === 401);
      const { key } = await run("upload", small);
      await until("the event", () => received.includes(key));
      const event = JSON.parse(received.split("\n").find((line) => line.includes(key)) ?? "");
      expect(event).toEqual({ id: expect.stringMatching(/^evt_/), type: "upload.confirmed", key });
      const post = async ({ secret = SECRET, age = 0, added = "" }) => {
        const at = new Date(Date.now() - age * 1000);
        const body = JSON.stringify({ type: "upload.new", timestamp: "", data: { key: "é" } });
        const headers = {
          "webhook-id": "evt_1",
          "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
          "webhook-signature": `v1,AAAA ${new Webhook(secret).sign("evt_1", at, body)}`,
        };
        return (await fetch(hook, { method: "POST", headers, body: body + added })).status;
      };
      expect(await post({})).toBe(204);
      expect(await post({ secret: other })).toBe(204);
      const stranger = `whsec_${Buffer.alloc(24, "y").toString("base64")}`;
      for (const wrong of [{ secret: stranger }, { age: 360 }, { age: -360 }, { added: " " }]) {
        expect(await post(wrong)).toBe(401);
      }
    });
  });
});
