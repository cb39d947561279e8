import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newToken } from "../../adapters/identity/token-file.ts";
import { SECRET } from "../events/backend.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { CHILD_ENV } from "../support/child-env.ts";
import { type CuttingProxy, startCuttingProxy } from "../support/cutting-proxy.ts";
import { freePort } from "../support/free-port.ts";
import { isFullRun } from "../support/full-run.ts";
import { makeFolder } from "../support/make-folder.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { type ServiceProcess, startProcess, untilReady } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { type Hop, startHop } from "./hop.ts";
import { HELD, type Row, ROWS, wrongAnswers } from "./rows.ts";

// What each client has to do, tried by a program of a few lines that uses it:
//
//   upload --base URL --org ORG --token-file FILE [OPTION...] FILE...
//   list | policies                 prints the keys, the policies
//   state | url | remove KEY        of a file by its key or file URL
//   link RECEIPT                    a link for an hour
//   presign NAME TYPE, confirm RECEIPT
//   receive --base URL SECRET...    listens there, and prints {id, type, key} of each event
//
// Each takes the same options, prints its result as a line of JSON, and ends with 1 after a line
// {code, status, message} on standard error. The token is read again once it was refused. An upload
// prints {key, filename, path, size, sent, get_url, file_url, receipt, metadata, content_type}, of
// which `sent` is the bytes of bodies that went to the store, and lines `progress SENT` on standard
// error. Its options:
//
//   --state FOLDER       where uploads are remembered; without it nobody continues what has failed
//   --retry-for SECONDS  the longest time without progress, 300 if left out
//   --path PATH          of the file in its folder
//   --metadata JSON      {"from":"a-client"} if left out
//   --type TYPE, --policy NAME
//   --hasten N           the clocks of the client are N times as fast: its time-outs, its pauses and
//                        `--retry-for` take an Nth of the time
//   --apart              each FILE by a client of its own; several are uploaded one after another
//
// With several FILEs it prints one line for each, {code, status, message} of one that failed, and ends
// with 0. All lines {code, ...} also have `sent` and `peak`, the most memory that the process had in
// KiB (VmHWM; what getrusage says begins with the memory of whoever started it), as have those of
// uploads. Without --state, SIGINT ends the upload as a cancelled context does, with the code ABORTED.
// `code` is that of the service's answer, such as FILE_TOO_LARGE, or else, in each language, one of:
// ABORTED, FILE_CHANGED, INVALID_ANSWER (nobody can use it), SERVICE_FAILED, INVALID_FILE, OFFLINE,
// STORE_OFFLINE, STORE_REFUSED (or the store's own word), UNSTABLE. The table of what is tried is
// rows.ts.

/** The bytes of a part, and of the large file. */
const PART = 5 * 2 ** 20;
const LARGE = 60_000_000;

/** A line that is cut every 2.5 MB, in the mean: no store takes parts that are as small as that. */
function* everyFewBytes() {
  for (;;) yield* [1_000_000, 1_000_000, 5_500_000];
}

interface Running {
  readonly child: ChildProcess;
  /** What it has said so far on standard error. */
  readonly said: () => string;
  /** What it has printed. */
  readonly lines: Promise<ReadonlyArray<string>>;
  /** The result that it prints, or what it fails with. */
  readonly result: Promise<{
    readonly code: number | null;
    readonly value: ReturnType<typeof JSON.parse>;
  }>;
}

interface BehindHop {
  readonly service: ServiceProcess;
  readonly hop: Hop;
  readonly options: ReadonlyArray<string>;
}

interface Tried {
  /** By these another process continues; it says first that SIGINT has interrupted it. */
  readonly signals?: ReadonlyArray<"SIGKILL" | "SIGINT">;
  /** It has other commands than `upload`. */
  readonly hasOthers?: boolean;
  /** It is another way into a client that is tried in whole. */
  readonly isWayIn?: boolean;
}

/** Tries a client in another language; `build` gives the command of its program. */
export function tryClient(
  language: string,
  isHere: boolean,
  build: () => Promise<ReadonlyArray<string>>,
  { signals = ["SIGKILL"], hasOthers = true, isWayIn = false }: Tried = {},
): void {
  const isWhole = isFullRun || !isWayIn;
  const whole = isWhole ? it : undefined;
  let command: ReadonlyArray<string> = [];
  let folder: string;
  let large: string;
  let content: Buffer;
  beforeAll(async () => {
    if (!isHere) return;
    folder = makeFolder();
    content = randomBytes(LARGE);
    large = join(folder, "large.png");
    writeFileSync(large, content);
    writeFileSync(join(folder, "small.txt"), "hello");
    command = await build();
  });

  const start = (args: ReadonlyArray<string>): Running => {
    const [file = "", ...first] = command;
    const child = spawn(file, [...first, ...args], {
      env: CHILD_ENV,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = once(child, "exit");
    atTestEnd(async () => {
      child.kill("SIGKILL");
      await ended;
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
    const printed = text(child.stdout);
    const lines = printed.then((out) => out.trimEnd().split("\n"));
    const result = Promise.all([printed, ended]).then(([out, [code]]) => {
      if (code === 0) return { code, value: JSON.parse(out.trimEnd().split("\n").at(-1) ?? "") };
      const line = said.split("\n").findLast((each) => each.startsWith("{"));
      return { code, value: line === undefined ? said : JSON.parse(line) };
    });
    result.catch(() => undefined);
    return { child, said: () => said, lines, result };
  };

  /** The options for a service, whose token is in a file. */
  const optionsOf = (base: string, token: string) => {
    const file = join(folder, `token-${crypto.randomUUID()}`);
    writeFileSync(file, token);
    return ["--base", base, "--org", "acme", "--token-file", file];
  };
  /** A service with the embedded store, whose addresses are those of a hop. */
  const startBehindHop = async (): Promise<BehindHop> => {
    const own = () => service.address;
    const hop = await startHop(own, own);
    atTestEnd(hop.close);
    const base = `http://127.0.0.1:${hop.port}`;
    const service = await startProcess({ PUBLIC_URL: base });
    return { service, hop, options: optionsOf(base, service.token) };
  };

  const tryRow = async (row: Row, size: number, { service, hop, options }: BehindHop) => {
    const file = join(folder, `${size}.png`);
    writeFileSync(file, content.subarray(0, size));
    hop.reset();
    Object.assign(hop, { trouble: row.trouble, rate: row.rate ?? Infinity });
    const { hasten = 10, options: more = [] } = row;
    const uploading = start(["upload", ...options, "--hasten", `${hasten}`, ...more, file]);
    if (row.meanwhile) {
      await until("a request that is held", () => hop.held.length > 0);
      row.meanwhile(file, uploading.child, hop.release);
    }
    const { value } = await uploading.result;
    hop.trouble = undefined;
    if (row.fails) {
      expect(value.code, uploading.said()).toMatch(row.fails);
      for (const upload of hop.uploads) {
        expect(await countParts(service.address, upload, service.token)).toBeUndefined();
      }
    } else await expectWhole(uploading, content.subarray(0, size));
    expect(value.peak, "KiB of memory").toBeLessThan(400_000);
    expect(value.sent / size).toBeLessThanOrEqual(row.most?.sent ?? Infinity);
    expect(hop.count(/ ./)).toBeLessThanOrEqual(row.most?.calls ?? Infinity);
    for (const { url } of hop.seen) expect(url).not.toContain("elsewhere");
  };

  describe.skipIf(!isHere)(`the client in ${language}`, () => {
    const stores = ["the embedded store", ...(isWhole ? ["MinIO"] : [])];
    describe.each(stores)("with %s, over a bad line", (store) => {
      const isEverything = isFullRun || (isWhole && store !== "MinIO");
      const everything = isEverything ? it : undefined;
      let service: ServiceProcess;
      let hop: Hop;
      let network: CuttingProxy;
      let state: string;
      let options: ReadonlyArray<string>;
      let isHere = true;
      beforeAll(async () => {
        const minio = store === "MinIO" ? await need("minio") : undefined;
        isHere = store !== "MinIO" || minio !== undefined;
        if (!isHere) return;
        const own = () => service.address;
        hop = await startHop(own, minio ? () => minio.endpoint : own);
        network = await startCuttingProxy(() => hop.port);
        const address = `http://127.0.0.1:${network.port}`;
        service = await startProcess({
          STORAGE_MAX_FILE_SIZE: "64 MiB",
          STORAGE_POLICIES: JSON.stringify({ files: {}, checked: { require_checksum: true } }),
          PUBLIC_URL: address,
          ...(minio && {
            ...minioEnv(minio),
            STORAGE_PUBLIC_ENDPOINT: address,
          }),
        });
        await untilReady(service);
        options = optionsOf(address, service.token);
      });
      afterAll(async () => {
        await network?.close();
        hop?.close();
        await service?.stop();
      });
      beforeEach(() => {
        hop?.reset();
        state = mkdtempSync(join(folder, "state-"));
      });

      const upload = (file = large, ...more: ReadonlyArray<string>) =>
        start(["upload", ...options, "--state", state, ...more, file]);
      /** How many parts the store has of the upload that was begun last. */
      const arrived = () => countParts(service.address, hop.uploads.at(-1), service.token);

      const rows = ROWS.filter(({ everywhere }) => isEverything || everywhere);
      it.for(rows)("it $name", async (row, { skip }) => {
        if (!isHere) return skip();
        // Slow lines are waited for at once.
        if (row.rate) {
          const each = async (size: number) => tryRow(row, size, await startBehindHop());
          await Promise.all(row.sizes.map(each));
        } else for (const size of row.sizes) await tryRow(row, size, { service, hop, options });
      });

      everything?.("a file arrives as it was, though the line is cut every 2.5 MB", async () => {
        const before = network.cuts();
        network.cutEach(everyFewBytes());
        const uploading = upload(large, "--hasten", "10");
        await uploading.result;
        network.cutAfter(Infinity);
        const { sent } = await expectWhole(uploading, content);
        // What the system had taken when the line broke is sent again too, of several parts at once.
        expect(sent).toBeLessThan(6 * LARGE);
        expect(network.cuts() - before).toBeGreaterThan(10);
        expect(readdirSync(state)).toEqual([]);
      });

      it.for(signals)(
        "after %s another process sends only the missing parts",
        async (signal, { skip }) => {
          if (!isHere) return skip();
          network.holdAfter(3);
          const killed = upload();
          // The client, too, knows that they have arrived: it sends another.
          const isAtFour = async () => sentBy(killed) > 3 * PART && (await arrived()) === 3;
          await until("some parts", isAtFour);
          killed.child.kill(signal);
          await once(killed.child, "close");
          if (signal === "SIGINT") expect(killed.said()).toMatch(/interrupted\n$/);
          network.release();
          const { sent } = await expectWhole(upload(), content);
          // One that arrived as it was killed may be known to the store alone.
          expect([LARGE - 3 * PART, LARGE - 2 * PART]).toContain(sent);
          expect(hop.uploads).toHaveLength(1);
          expect(readdirSync(state)).toEqual([]);
        },
      );

      everything?.for([
        ["--metadata", '{"from":"a-client","order":"2"}'],
        ["--type", "image/gif"],
      ])("what was begun does not become a file with another %s", async (given) => {
        hop.trouble = HELD;
        const file = join(folder, "begun.png");
        const begun = content.subarray(0, PART + 1);
        writeFileSync(file, begun);
        const killed = upload(file);
        await until("a part that is held", () => hop.held.length > 0);
        killed.child.kill("SIGKILL");
        await once(killed.child, "close");
        hop.release();
        const value = await expectWhole(upload(file, ...given), begun);
        expect([value.content_type, JSON.stringify(value.metadata)]).toContain(given[1]);
        expect(readdirSync(state)).toEqual([]);
      });

      everything?.("a line that stands still costs nothing that was sent", async () => {
        const uploading = upload();
        await until("some parts", () => sentBy(uploading) > 2 * PART);
        network.stall(true);
        const probe = fetch(`http://127.0.0.1:${network.port}/`, {
          signal: AbortSignal.timeout(500),
        });
        await expect(probe).rejects.toThrow("timeout");
        network.stall(false);
        expect((await expectWhole(uploading, content)).sent).toBe(LARGE);
      });
    });

    whole?.("no answer that is wrong in a member ends an upload without a code", async () => {
      const { hop, options } = await startBehindHop();
      const [small, inParts] = [1000, PART + 1].map((size) => {
        const file = join(folder, `wrong-${size}.png`);
        writeFileSync(file, content.subarray(0, size));
        return file;
      });
      const more = ["--apart", "--retry-for", "2", "--hasten", "10"];
      const { trouble, next } = wrongAnswers();
      hop.trouble = trouble;
      for (let name = next(); name !== ""; name = next()) {
        const file = (name.includes("multipart") ? inParts : small) ?? "";
        const files = Array.from({ length: 8 }, () => file);
        const { result, lines } = start(["upload", ...options, ...more, ...files]);
        await result;
        expect(await lines, name).toHaveLength(files.length);
        for (const line of await lines) {
          const { code, message, key, peak } = JSON.parse(line);
          expect(typeof (code ?? key), line).toBe("string");
          if (code !== undefined) expect(message, line).toMatch(/\w+ .*\w+/);
          expect(peak).toBeLessThan(400_000);
        }
      }
    });

    whole?.("many files need few calls", async () => {
      const { hop, options } = await startBehindHop();
      const files = Array.from({ length: 50 }, () => join(folder, "small.txt"));
      const { result } = start(["upload", ...options, ...files]);
      expect((await result).value).toMatchObject({ size: 5 });
      expect(hop.count(/^PUT$/)).toBe(files.length);
      expect(hop.count(/^POST /)).toBe(2 * files.length);
    });

    whole?.("a token that ends in the middle is replaced by a fresh one", async () => {
      const [old, fresh] = [newToken(), newToken()];
      const tokens = join(folder, "tokens.json");
      const writeTokens = (...valid: ReadonlyArray<typeof old>) => {
        const rest = { kind: "service", subject: "runner", organizations: ["acme"] };
        const scopes = ["write", "read", "confirm"];
        const entries = valid.map(({ id, sha256 }) => ({ id, sha256, ...rest, scopes }));
        writeFileSync(tokens, JSON.stringify({ tokens: entries }));
      };
      writeTokens(old, fresh);
      const port = await freePort();
      const own = () => `http://127.0.0.1:${port}`;
      const hop = await startHop(own, own);
      atTestEnd(hop.close);
      const network = await startCuttingProxy(() => hop.port);
      atTestEnd(network.close);
      const base = `http://127.0.0.1:${network.port}`;
      const service = await startProcess({
        STORAGE_MAX_FILE_SIZE: "64 MiB",
        AUTH: "static",
        AUTH_TOKENS_FILE: tokens,
        RECEIPT_KEYS: `test:${receiptKey("test").toString("base64")}`,
        PORT: String(port),
        PUBLIC_URL: base,
      });
      const state = mkdtempSync(join(folder, "state-"));
      network.holdAfter(3);
      const options = optionsOf(base, old.token);
      const uploading = start(["upload", ...options, "--state", state, large]);
      const arrived = () => countParts(service.address, hop.uploads.at(-1), fresh.token);
      await until("some parts", async () => (await arrived()) === 3);
      writeTokens(fresh);
      await until("the end of the token", async () => {
        const headers = { Authorization: `Bearer ${old.token}` };
        const url = `${service.address}/api/v1/orgs/acme/files/policies`;
        return (await fetch(url, { headers })).status === 401;
      });
      writeFileSync(options.at(-1) ?? "", fresh.token);
      network.release();
      const { code, value } = await uploading.result;
      expect(code, uploading.said()).toBe(0);
      expect(value.size).toBe(LARGE);
      expect(uploading.said()).not.toContain(old.token);
    });

    const others = hasOthers ? describe : undefined;
    others?.("with the embedded store", () => {
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
        options = optionsOf(service.address, service.token);
      });
      afterAll(() => service?.stop());
      const run = async (name: string, ...args: ReadonlyArray<string>) =>
        (await start([name, ...options, ...args]).result).value;

      it("a file is listed, told to be there, opened, shared and removed", async () => {
        const names = { filename: "small.txt", path: "holidays/a.txt" };
        const file = await run("upload", "--path", names.path, join(folder, "small.txt"));
        expect(file).toMatchObject({ size: 5, sent: 5, ...names });
        expect(await run("list")).toContain(file.key);
        expect(await run("state", file.key)).toBe("ready");
        for (const url of [await run("url", file.file_url), await run("link", file.receipt)]) {
          expect(await (await fetch(url)).text()).toBe("hello");
        }
        await run("remove", file.file_url);
        await run("remove", file.key);
        expect(await run("state", file.key)).toBe("missing");
        expect(await run("list")).not.toContain(file.key);
      });

      it("a URL is asked for alone, and what somebody else has sent is confirmed", async () => {
        expect(await run("policies")).toMatchObject([{ name: "files" }]);
        const granted = await run("presign", "a.txt", "text/plain");
        const headers = granted.put_headers;
        await fetch(granted.put_url, { method: "PUT", headers, body: "world" });
        expect(await run("confirm", granted.receipt)).toMatchObject({ key: granted.key, size: 5 });
      });

      it("a refusal is told by the code of the service, and what to do about it", async () => {
        writeFileSync(join(folder, "a.html"), "<p>");
        const refused = await run("upload", join(folder, "a.html"));
        expect(refused).toMatchObject({ code: "UNSUPPORTED_MEDIA_TYPE", status: 415 });
        expect(refused.message).toMatch(/The policy accepts image\/png/);
        expect(await run("state", "../../etc/passwd")).toMatchObject({ code: "INVALID_FILE" });
        expect(await run("upload", folder)).toMatchObject({ code: "INVALID_FILE" });
      });

      it("an event of the service is verified, and none that others send", async () => {
        const other = `whsec_${Buffer.alloc(24, "x").toString("base64")}`;
        const receiver = start(["receive", "--base", hook, other, SECRET]);
        let received = "";
        receiver.child.stdout?.on("data", (chunk: Buffer) => (received += chunk.toString()));
        await until("the receiver", async () => (await fetch(hook)).status === 401);
        const { key } = await run("upload", join(folder, "small.txt"));
        await until("the event", () => received.includes(key));
        const event = JSON.parse(received.split("\n").find((line) => line.includes(key)) ?? "");
        expect(event).toEqual({
          id: expect.stringMatching(/^evt_/),
          type: "upload.confirmed",
          key,
        });
        const post = async ({ secret = SECRET, age = 0, added = "" }) => {
          const at = new Date(Date.now() - age * 1000);
          const data = { key: "é" };
          const body = JSON.stringify({ type: "upload.confirmed", timestamp: at, data });
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
}

/** Expects that an upload of the content has arrived, and gives its result. */
const expectWhole = async ({ result, said }: Running, content: Buffer) => {
  const { code, value } = await result;
  expect(code, said()).toBe(0);
  const stored = Buffer.from(await (await fetch(value.get_url)).arrayBuffer());
  expect(sha256(stored)).toBe(sha256(content));
  expect(value).toMatchObject({ size: content.length, metadata: { from: "a-client" } });
  return value;
};

/** The bytes that it had sent when it last said so. */
const sentBy = ({ said }: Running) => Number(/.*progress (\d+)/s.exec(said())?.[1] ?? 0);

/** How many parts the store has of an upload that goes on. */
const countParts = async (address: string, upload = "", token: string) => {
  const url = `${address}/api/v1/orgs/acme/files/multipart/parts?upload=${encodeURIComponent(upload)}`;
  const answer = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
  const { parts } = await answer.json();
  return parts?.length as number | undefined;
};

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
