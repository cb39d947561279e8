import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { placeOf } from "../../adapters/storage/local/key-tree.ts";
import { answered, ask, TEXT, upload } from "../support/ask.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { valetkey } from "../support/command-line.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { startLimitedRedis } from "../support/redis.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { startReceiver } from "./backend.ts";

const path = await need("redis");

const usageOf = async ({ address, token }: ServiceProcess) => {
  const headers = { Authorization: `Bearer ${token}` };
  return (await answered(() => fetch(`${address}/api/v1/orgs/acme/usage`, { headers }))).json();
};

const confirm = (service: ServiceProcess, receipt: string) =>
  answered(() => ask(service, "confirm", { receipt }));

/** A Redis, a receiver, and a folder of files that several services share. */
async function start(more: Readonly<Record<string, string>> = {}) {
  const redis = await startLimitedRedis({ path: path ?? "" });
  atTestEnd(redis.stop);
  const { received, env: receiver } = await startReceiver();
  const directory = makeFolder();
  const env = { ...redis.env, ...receiver, ...more, STORAGE_LOCAL_DIR: directory };
  const service = await startProcess(env);
  await confirm(service, (await upload(service)).receipt);
  const command = (...args: ReadonlyArray<string>) => valetkey(["usage", ...args], env);
  /** The service lists the store with an upload, once a minute, unless Redis answers too late. */
  const counted = (...args: ReadonlyArray<string>) =>
    until("the count", async () => (await command("--reconcile", ...args)).code === 0);
  await counted();
  return { redis, received, env, directory, service, command, counted };
}

describe.skipIf(path === undefined)("with Redis", () => {
  it("two services that confirm at once, and again, tell of each threshold once", async () => {
    const { received, env, service } = await start({ LIMIT_STORED_BYTES: "50 B" });
    const other = await startProcess({ ...env, RECEIPT_KEYS: "" });
    const uploads = [];
    for (let at = 0; at < 8; at += 1) uploads.push(await upload(service));
    const twice = uploads.flatMap(({ receipt }) =>
      [service, other].map((each) => confirm(each, receipt)),
    );
    for (const { status } of await Promise.all(twice)) expect(status).toBe(200);
    await Promise.all(uploads.map(({ receipt }) => confirm(other, receipt)));
    expect(await usageOf(other)).toMatchObject({ files: 9, bytes: 45, granted: 0 });
    const told = () => received.filter(({ type }) => type === "usage.threshold");
    await until("the event", () => told().length > 0 && received.length > 9);
    expect(told().map(({ data }) => data)).toEqual([
      {
        organization: "acme",
        percent: 80,
        files: expect.any(Number),
        bytes: expect.any(Number),
        limit: 50,
      },
    ]);
  });

  it("a command shows what is counted, and corrects it by the store", async () => {
    const { redis, directory, service, command, counted } = await start({ USAGE: "on" });
    const uploads = [await upload(service), await upload(service)];
    for (const { receipt } of uploads) await confirm(service, receipt);
    const shown = await command("--json");
    expect(JSON.parse(shown.stdout)).toEqual([
      expect.objectContaining({ organization: "acme", files: 3, bytes: 15, known: true }),
    ]);
    const { stdout } = await command("--csv");
    expect(stdout).toMatch(/^\d{4}-\d\d-\d\d,acme,3,15\n$/);
    // Another program removes a file.
    const objects = join(directory, "objects");
    const place = (name: string) => placeOf(objects, `/files/${name}`);
    rmSync(place(String(uploads[0]?.key)));
    const corrected = await command("--reconcile", "--org", "acme");
    expect(corrected.stderr).toContain("acme by -1 files and -5 bytes");
    expect(await usageOf(service)).toMatchObject({ files: 2, bytes: 10 });
    expect((await command("--reconcile")).stderr).toContain("1 counted; none has changed.");

    await redis.ask("FLUSHALL");
    const lost = await command();
    expect([lost.code, lost.stderr]).toEqual([1, "Not known: acme. --reconcile counts them.\n"]);
    expect((await command("--csv")).stdout).toBe("");
    await counted();
    expect(await usageOf(service)).toMatchObject({ files: 2, bytes: 10, known: true });
  });

  it("an organization is counted in its stores, each key once while it moves", async () => {
    const folder = makeFolder();
    const [eu, us] = ["eu", "us"].map((name) => join(folder, name)) as [string, string];
    const stores = {
      eu: { adapter: "local", directory: eu },
      us: { adapter: "local", directory: us },
    };
    const organizations = { acme: { store: "eu", from: "us" } };
    const STORES = JSON.stringify({ stores, organizations });
    const { redis, service, counted } = await start({
      USAGE: "on",
      STORES,
      STORAGE_ADAPTER: "local",
    });
    const { receipt } = await upload(service);
    await confirm(service, receipt);
    // As a move has copied it, which does not remove what it has copied.
    cpSync(join(eu, "objects"), join(us, "objects"), { recursive: true });
    for (const args of [[], ["--org", "acme"]]) {
      await redis.ask("FLUSHALL");
      await counted(...args);
      expect(await usageOf(service)).toMatchObject({ files: 2, bytes: 10, known: true });
    }
  });

  it("after a person was forgotten in all stores, the service counts what is left with its next grant", async () => {
    const [eu, us] = [makeFolder(), makeFolder()];
    const stores = {
      eu: { adapter: "local", directory: eu },
      us: { adapter: "local", directory: us },
    };
    const STORES = JSON.stringify({ stores, organizations: { acme: "eu" } });
    const { env, service } = await start({ USAGE: "on", STORES, STORAGE_ADAPTER: "local" });
    const { code } = await valetkey(
      ["forget", "--org", "acme", "--subject", "ada", "--apply"],
      env,
    );
    expect([code, await usageOf(service)]).toEqual([0, expect.objectContaining({ known: false })]);
    // Where a busy Redis ends the count, a grant a minute later begins another.
    await until("the count", async () => {
      await answered(() => ask(service, "presign", { ...TEXT, size: 5 }));
      return (await usageOf(service)).known === true;
    });
    expect(await usageOf(service)).toMatchObject({ files: 1, bytes: 5 });
  });
});

it("without Redis a command lists the store, and has no count to correct", async () => {
  const directory = makeFolder();
  const service = await startProcess({ STORAGE_LOCAL_DIR: directory });
  const { receipt } = await upload(service);
  await confirm(service, receipt);
  const env = { STORAGE_LOCAL_DIR: directory };
  const { code, stdout } = await valetkey(["usage"], env);
  expect(stdout).toMatch(/^organization .*\nacme +1 +5 +0 +0 +2.*Z\n$/);
  expect(code).toBe(0);
  const refused = await valetkey(["usage", "--reconcile"], env);
  expect([refused.code, refused.stderr]).toEqual([78, expect.stringContaining("REDIS_URL")]);
  expect(await usageOf(service)).toMatchObject({ status: 400 });
});
