import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { answered, answerOf, ask, upload } from "../support/ask.ts";
import { bundled } from "../support/bundled.ts";
import { commandPath } from "../support/command-path.ts";
import { reset, startFaultyServer } from "../support/faulty-server.ts";
import { isFullRun } from "../support/full-run.ts";
import { makeFolder } from "../support/make-folder.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { isReady, startTraffic } from "./endure.ts";
import { Ledger, type Upload } from "./ledger.ts";
import { client, MINIO, minio } from "./waiting-service.ts";

/** Calls of the mover to stores after which it is killed. */
const KILLS = isFullRun ? Array.from({ length: 40 }, (_, i) => 3 + 5 * i) : [4, 11, 30];

type Front = Awaited<ReturnType<typeof startFaultyServer>>;

/** A service with the stores `us` and `eu`, each behind a server of its own, and what it runs on. */
async function startMoving() {
  const fronts = { us: await startFaultyServer(MINIO), eu: await startFaultyServer(MINIO) };
  const mover = { us: await startFaultyServer(MINIO), eu: await startFaultyServer(MINIO) };
  const buckets = { us: `us-${crypto.randomUUID()}`, eu: `eu-${crypto.randomUUID()}` };
  for (const bucket of Object.values(buckets)) await client.makeBucket(bucket);
  const folder = makeFolder();
  const write = (name: string, between: Readonly<Record<"us" | "eu", Front>>, acme: unknown) => {
    const storeAt = (store: "us" | "eu") => ({
      adapter: "minio",
      endpoint: between[store].url.origin,
      public_endpoint: MINIO.origin,
      bucket: buckets[store],
      access_key: minio?.accessKey,
      secret_key: { variable: "SECRET" },
    });
    const stores = { us: storeAt("us"), eu: storeAt("eu") };
    writeFileSync(join(folder, name), JSON.stringify({ stores, organizations: { acme } }));
    return join(folder, name);
  };
  const env = {
    SECRET: minio?.secretKey ?? "",
    STORAGE_POLICIES: JSON.stringify({
      waiting: { arrival: "incoming", verify_content: false },
      linked: { link_lifetime: "1 hour" },
      shown: { public: true },
    }),
    RECEIPT_KEYS: `own:${receiptKey("moving").toString("base64")}`,
  };
  const service = await startProcess({ ...env, STORES: write("stores.json", fronts, "us") });
  await isReady(service);
  const reads = () => service.output().split("was read").length;
  const place = async (acme: unknown) => {
    const before = reads();
    write("stores.json", fronts, acme);
    await until("another look at the document", () => reads() > before);
  };
  /** Runs the command to its end, or kills it after so many calls to stores. */
  const move = async (between: Readonly<Record<"us" | "eu", Front>>, killedAfter = Infinity) => {
    const STORES = write("mover.json", between, { store: "eu", from: "us" });
    const cli = await bundled("cli");
    const child = spawn(commandPath("node"), [cli, "move", "--org", "acme", "--to", "eu"], {
      env: { ...process.env, ...env, STORES },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [ended, said] = [
      once(child, "exit"),
      Promise.all([text(child.stdout), text(child.stderr)]),
    ];
    let calls = 0;
    const onPass = async () => {
      if (++calls === killedAfter) child.kill("SIGKILL");
    };
    for (const front of Object.values(between)) front.state.onPass = onPass;
    const [code] = await ended;
    return { code, said: (await said).join("") };
  };
  const close = async () => {
    await service.stop();
    for (const front of [...Object.values(fronts), ...Object.values(mover)]) front.close();
  };
  return { service, fronts, mover, buckets, place, move, close };
}

/** The keys below a prefix of a bucket. */
const keysIn = async (bucket: string, prefix: string): Promise<ReadonlyArray<string>> => {
  const keys: Array<string> = [];
  for await (const { name } of client.listObjects(bucket, prefix, true)) keys.push(name);
  return keys;
};

type Moving = Awaited<ReturnType<typeof startMoving>>;

/** Files by each policy, and all addresses at which they were given before the move. */
async function giveAddresses({ service }: Moving) {
  const given: Array<{ readonly address: string; readonly bytes: Buffer; readonly key: string }> =
    [];
  for (const policy of ["files", "waiting", "linked", "shown"]) {
    const bytes = Buffer.alloc(2000, policy);
    const asked = { filename: "a.png", content_type: "image/png", policy };
    const { receipt, key } = await upload(service, asked, bytes);
    const { body } = await answerOf(service, "confirm", { receipt });
    const addresses = [body.file_url, body.public_url].filter((each) => each !== undefined);
    if (policy === "linked") {
      addresses.push((await answerOf(service, "links", { receipt })).body.link_url);
    }
    given.push(...addresses.map((address) => ({ address, bytes, key })));
  }
  expect(given).toHaveLength(6);
  return {
    keys: new Set(given.map(({ key }) => key)),
    check: async () => {
      for (const { address, bytes } of given) {
        const headers = { Authorization: `Bearer ${service.token}` };
        const opened = await fetch(address, { headers, redirect: "manual" });
        const stored = await fetch(opened.headers.get("location") ?? expect.unreachable(address));
        expect(Buffer.from(await stored.arrayBuffer()).equals(bytes), address).toBe(true);
      }
    },
  };
}

/** Lists all files of the organization by pages of this size. */
async function listAll({ service }: Moving, limit: number): Promise<ReadonlyArray<string>> {
  const keys: Array<string> = [];
  let after = "";
  for (;;) {
    const headers = { Authorization: `Bearer ${service.token}` };
    const address = `${service.address}/api/v1/orgs/acme/files?limit=${limit}${after}`;
    const page = await answered(() => fetch(address, { headers }));
    expect(page.status).toBe(200);
    const { files, next } = await page.json();
    keys.push(...files.map(({ key }: { readonly key: string }) => key));
    if (next === undefined) return keys;
    after = `&after=${encodeURIComponent(next)}`;
  }
}

const isWhole = ({ acknowledged, done, steps }: Upload) => acknowledged && done === steps.length;

/** Clients of a service that may see nothing of a move. */
function startClients(moving: Moving, ledger: Ledger, check: () => Promise<void>) {
  const stopped = new AbortController();
  const removed = new Set<string>();
  const whole = () => ledger.uploads.filter(isWhole);
  const repeat = async (act: () => Promise<unknown>) => {
    while (!stopped.signal.aborted) {
      await act();
      await pause(20);
    }
  };
  const readAndRemove = async () => {
    const all = whole();
    const each = all[Math.floor(Math.random() * all.length)];
    if (each === undefined) return;
    expect((await ledger.read(each.key()))?.equals(each.bytes), each.key()).toBe(true);
    if (Math.random() < 0.5) return;
    ledger.forget(each);
    const path = each.key().replace("orgs/acme/files/", "");
    const gone = await answered(() => ask(moving.service, path, undefined, "DELETE"));
    expect(gone.status).toBe(204);
    removed.add(each.key());
    expect(await ledger.read(each.key())).toBeUndefined();
  };
  const list = async () => {
    const [before, gone] = [whole(), [...removed]];
    const keys = await listAll(moving, 7);
    const unique = new Set(keys);
    expect(unique.size).toBe(keys.length);
    expect(gone.filter((key) => unique.has(key))).toEqual([]);
    const still = before.filter((each) => ledger.uploads.includes(each));
    expect(still.filter(({ key }) => !unique.has(key())).map(({ key }) => key())).toEqual([]);
  };
  const clients = Promise.all([check, readAndRemove, list].map(repeat));
  // Reported when they are stopped.
  clients.catch(() => undefined);
  return {
    removed,
    stop: async () => {
      stopped.abort();
      await clients;
    },
  };
}

it.skipIf(minio === undefined).each(["streamed", "by the service's own copy"])(
  "files move while uploads, reads, lists and removals go on, and the mover is killed (%s)",
  { timeout: isFullRun ? 2_700_000 : 900_000 },
  async (how) => {
    const moving = await startMoving();
    const { mover, buckets, place, move } = moving;
    const between = how === "streamed" ? mover : { us: mover.us, eu: mover.us };
    const ledger = new Ledger(() => moving.service);
    const advance = async (each: Upload, steps?: number) => {
      expect(await ledger.advance(each, steps), ledger.summary()).toBe(true);
      return each;
    };
    const waiting = { asked: { policy: "waiting" }, waits: true };
    try {
      const { keys, check } = await giveAddresses(moving);
      for (const asked of [{}, waiting, {}, waiting, {}, waiting, {}]) {
        await advance(ledger.file(asked));
      }
      const begun = [
        await advance(ledger.file(), 1),
        await advance(ledger.file(waiting), 2),
        await advance(ledger.parts({ size: 6 * 2 ** 20 }), 3),
      ];
      expect((await move(between)).said).toContain("files copied from us to eu");
      await place({ store: "eu", from: "us" });
      const traffic = startTraffic(ledger);
      const clients = startClients(moving, ledger, check);
      for (const calls of KILLS) await move(between, calls);
      await traffic.answered({ "confirm 200": 10, "complete 200": 2 });
      expect(await move(between)).toMatchObject({ code: 0 });
      for (const each of begun) await advance(each);
      await traffic.stop();
      await ledger.settle();
      await clients.stop();
      expect(ledger.wrong).toEqual([]);
      const last = await move(between);
      expect(last, last.said).toMatchObject({ code: 0 });
      expect(last.said).toContain("run this again then");

      await place("eu");
      for (const key of await keysIn(buckets.us, "")) await client.removeObject(buckets.us, key);
      await check();
      expect(await ledger.lost()).toBe(0);
      const files = [...ledger.uploads.map(({ key }) => key()), ...keys].toSorted();
      expect((await keysIn(buckets.eu, "orgs/")).toSorted()).toEqual(files);
      expect((await listAll(moving, 1000)).toSorted()).toEqual(files);
      for (const key of clients.removed) expect(await ledger.read(key)).toBeUndefined();
      expect(clients.removed.size).toBeGreaterThan(0);
    } finally {
      await moving.close();
    }
  },
);

it.skipIf(minio === undefined)(
  "while one of both stores fails or is slow, files of the other are read, and the mover goes on",
  { timeout: 900_000 },
  async () => {
    const moving = await startMoving();
    const { fronts, mover, buckets, place, move } = moving;
    const ledger = new Ledger(() => moving.service);
    const stored = async () => {
      const each = ledger.file();
      expect(await ledger.advance(each), ledger.summary()).toBe(true);
      return each;
    };
    const isRead = async (each: Upload) => {
      // What answers in time is read, so a store that is late besides is asked again.
      await until("the file", async () => (await ledger.read(each.key()))?.equals(each.bytes));
    };
    try {
      const old = await stored();
      await place({ store: "eu", from: "us" });
      const recent = await stored();
      expect(await keysIn(buckets.eu, "")).toEqual([recent.key()]);

      fronts.us.state.fault = reset;
      await isRead(recent);
      await isRead(await stored());
      fronts.us.state.fault = undefined;
      await until("the old store's return", async () => (await listAll(moving, 10)).length === 3);

      fronts.eu.state.fault = reset;
      await isRead(old);
      ledger.allow({ confirm: ["503 STORE_UNAVAILABLE"] });
      const late = ledger.file();
      expect(await ledger.advance(late, 2)).toBe(true);
      expect(await ledger.advance(late)).toBe(false);
      fronts.eu.state.fault = undefined;
      ledger.allow({ confirm: ["200", "503 STORE_UNAVAILABLE"] });
      await ledger.settle();

      // Longer than a file in one store waits for the other.
      fronts.us.state.onPass = () => pause(1500);
      await isRead(recent);
      await isRead(old);
      fronts.us.state.onPass = undefined;

      for (const front of [mover.us, mover.eu]) {
        front.state.fault = (...passing) => {
          if (front.state.arrived.length > 6) front.state.fault = undefined;
          return reset(...passing);
        };
      }
      expect(await move(mover)).toMatchObject({ code: 0 });
      expect(await keysIn(buckets.eu, "orgs/")).toContain(old.key());
      expect(ledger.wrong).toEqual([]);
    } finally {
      await moving.close();
    }
  },
);
