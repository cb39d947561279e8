import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { placeOf } from "../../adapters/storage/local/key-tree.ts";
import { answered, ask, upload } from "../support/ask.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { startLimitedRedis } from "../support/redis.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { startReceiver } from "./backend.ts";
import { valetkey } from "../support/command-line.ts";

type Env = Readonly<Record<string, string>>;

const path = await need("redis");
/** Queues, and the variables that choose them. */
const QUEUES: ReadonlyArray<readonly [name: string, open: () => Promise<Env>]> = [
  ["in a file", async () => ({})],
  ...(path === undefined ? [] : [["in Redis", async () => openRedis(path)] as const]),
];

async function openRedis(path: string): Promise<Env> {
  const { env, stop } = await startLimitedRedis({ path });
  atTestEnd(stop);
  return env;
}

const confirmed = async (service: ServiceProcess) => {
  const { receipt, key } = await upload(service);
  expect((await answered(() => ask(service, "confirm", { receipt }))).status).toBe(200);
  return String(key);
};

it("a command in a folder without a queue says so, and makes none", async () => {
  const { env } = await startReceiver();
  const folder = makeFolder();
  const { code, stderr } = await valetkey(["events", "list"], {
    ...env,
    STORAGE_LOCAL_DIR: folder,
  });
  expect([code, readdirSync(folder)]).toEqual([66, []]);
  expect(stderr).toContain(`there is no ${join(folder, "events.db")}`);
});

it.each(QUEUES)("list, show, resend and drop work on a queue %s in use", async (_, open) => {
  const { received, answers, env: receiver } = await startReceiver();
  const env = { ...receiver, ...(await open()) };
  // Also to the next attempt, in 5 seconds: on a busy machine that is while the queue is looked at.
  answers.push(410, 503, 503);
  const service = await startProcess(env);
  const own = { ...env, STORAGE_LOCAL_DIR: service.directory };
  const [dead, waiting] = [await confirmed(service), await confirmed(service)];
  await until("both attempts", () => received.length >= 2);
  /** On a busy machine Redis may answer later than a command waits; then it is given again. */
  const events = (...args: ReadonlyArray<string>) =>
    until("an answer", async () => {
      const said = await valetkey(["events", ...args], own);
      return said.code === 69 ? undefined : said;
    });
  const list = async (...args: ReadonlyArray<string>) =>
    JSON.parse((await events("list", "--json", ...args)).stdout) as ReadonlyArray<{
      readonly id: string;
      readonly state: string;
      readonly event: { readonly data: { readonly key: string } };
    }>;
  const both = await until("both outcomes", async () => {
    const kept = await list();
    return kept.some(({ state }) => state === "dead") && kept;
  });
  expect(both.map(({ state }) => state).toSorted()).toEqual(["dead", "waiting"]);
  expect(both.map(({ event }) => event.data.key).toSorted()).toEqual([dead, waiting].toSorted());
  const { stdout, stderr } = await events("list");
  expect(stdout.split("\n")[0]).toMatch(/^ID +STATE +EVENT +KEY +ATTEMPTS +AT +FAILURE$/);
  expect(stdout).toContain("the receiver answered 410");
  expect(stderr).toMatch(/^Waiting: 1\. Given up: 1; valetkey events resend --dead/);

  const id = both.find(({ state }) => state === "dead")?.id ?? "";
  const shown = await events("show", id);
  expect(JSON.parse(shown.stdout)).toMatchObject({
    id,
    state: "dead",
    attempts: 1,
    failure: "the receiver answered 410",
    event: { type: "upload.confirmed" },
  });

  answers.length = 0;
  expect((await events("resend", "--dead")).stderr).toContain(": 1.");
  const other = both.find(({ state }) => state === "waiting")?.id ?? "";
  expect((await events("resend", other)).code).toBe(0);
  await until("all delivered", async () => (await list()).length === 0);
  expect((await list("--state", "delivered")).map((kept) => kept.id)).toContain(id);
  const before = received.length;
  expect((await events("resend", id)).code).toBe(0);
  await until("one more", () => received.length > before);
  expect(received.at(-1)?.id).toBe(id);

  await until("it is settled", async () => (await list()).length === 0);
  expect((await events("list")).stderr.trim()).toBe("Waiting: 0. Given up: 0.");
  expect((await events("drop", id)).stderr).toContain("Events removed");
  for (const args of [
    ["show", id],
    ["resend", id],
    ["drop", id],
  ]) {
    const { code, stderr } = await events(...args);
    expect([code, stderr]).toEqual([64, expect.stringContaining("no event of that id")]);
  }
  for (const args of [["drop"], ["resend", id, "--dead"]]) {
    expect((await events(...args)).code).toBe(64);
  }
  expect(await service.stop()).toBe(0);
});

it("a queue that cannot be opened is named, with what to do", async () => {
  const folder = makeFolder();
  const file = join(folder, "events.db");
  const list = async () => {
    const { code, stderr } = await valetkey(["events", "list"], { STORAGE_LOCAL_DIR: folder });
    return [code, stderr];
  };
  mkdirSync(file);
  expect(await list()).toEqual([
    69,
    expect.stringMatching(/EISDIR.*events\.db.*make the folder writable/),
  ]);
  rmSync(file, { recursive: true });
  writeFileSync(file, "SQLite format 3, or so".repeat(500));
  expect(await list()).toEqual([
    69,
    expect.stringMatching(/not a database; events\.db is damaged, or another file: restore it/),
  ]);
});

it("a sweep says by the queue what it removes, and not of a file", async () => {
  const { received, env } = await startReceiver();
  const service = await startProcess({
    ...env,
    STORAGE_POLICIES: '{"files":{"arrival":"incoming"}}',
  });
  const expired = await upload(service);
  const { receipt, key, put_url: url, put_headers: headers } = await upload(service);
  expect((await ask(service, "confirm", { receipt })).status).toBe(200);
  await until("the confirmation", () => received.length === 1);
  // It is there once more, as if the confirm could not have removed it.
  expect((await fetch(url, { method: "PUT", headers, body: "hello" })).ok).toBe(true);
  const objects = join(service.directory, "objects");
  const files = [expired.key, key].map((each) => placeOf(objects, `/files/incoming/${each}`));
  const days = Date.now() / 1000 - 5 * 24 * 60 * 60;
  for (const file of files) utimesSync(file, days, days);
  await upload(service);
  const own = {
    ...env,
    STORAGE_POLICIES: '{"files":{"arrival":"incoming"}}',
    STORAGE_LOCAL_DIR: service.directory,
  };
  expect((await valetkey(["sweep"], own)).stderr).toContain("2 uploads");
  const swept = await valetkey(["sweep", "--apply"], own);
  expect(swept.stderr).toMatch(/^2 uploads.*were removed/);
  await until("the event", () => received.length > 1);
  expect(received.slice(1)).toMatchObject([
    { type: "upload.expired", data: { key: expired.key, organization: "acme", size: 5 } },
  ]);
  expect(await service.stop()).toBe(0);
});

it("metrics count attempts by outcome, and events by state", async () => {
  const { answers, env } = await startReceiver();
  answers.push(410, 500);
  const port = await freePort();
  const service = await startProcess({ ...env, METRICS_PORT: String(port) });
  await confirmed(service);
  await confirmed(service);
  const lines = async () =>
    (await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).split("\n");
  await until("the numbers", async () => {
    const found = await lines();
    return [
      'valetkey_events_attempts_total{outcome="dead"} 1',
      'valetkey_events_attempts_total{outcome="waiting"} 1',
      'valetkey_events_attempts_total{outcome="delivered"} 1',
      'valetkey_events_kept{state="waiting"} 0',
      'valetkey_events_kept{state="dead"} 1',
    ].every((line) => found.includes(line));
  });
  expect(await service.stop()).toBe(0);
});
