import { type Dirent, existsSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { bundled } from "../support/bundled.ts";
import { freePort } from "../support/free-port.ts";
import { isFullRun } from "../support/full-run.ts";
import { makeFolder } from "../support/make-folder.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { conclude } from "./endure.ts";
import { HASTENED } from "./hastened.ts";
import { type Allowed, Ledger, type Upload } from "./ledger.ts";

const MiB = 1024 * 1024;
const POINTS = isFullRun ? 200 : 7;
/** The service starts once for each. */
const TIMEOUT = { timeout: POINTS * 130_000 };
/** Which points these are: the same seed has the same. */
const SEED = Number(process.env["TEST_SEED"] ?? Math.floor(Math.random() * 1e9));

const STEPS = [
  {
    name: "an upload",
    make: (ledger: Ledger, index: number) =>
      ledger.file({ size: 2 * MiB, asked: { strict: index % 2 === 0 } }),
    before: 1,
    after: 2,
  },
  {
    name: "a completion of an upload in parts",
    make: (ledger: Ledger) => ledger.parts({ size: 7 * MiB }),
    before: 4,
    after: 5,
  },
  {
    name: "a confirm of an upload that waits",
    make: (ledger: Ledger) => ledger.file({ size: 2 * MiB, asked: WAITING, waits: true }),
    before: 2,
    after: 3,
  },
  {
    name: "a completion of an upload in parts that waits",
    make: (ledger: Ledger) => ledger.parts({ size: 7 * MiB, asked: WAITING }),
    before: 4,
    after: 5,
  },
] as const;

// All at once in one test: what concurrent tests start ends with whichever of them ends first.
it(
  "the service is killed at each kind of step, and nothing is lost or half there",
  TIMEOUT,
  async () => {
    const runs = await Promise.allSettled(STEPS.map(killAt));
    const failures = runs.flatMap((run, index) =>
      run.status === "rejected" ? [new Error(STEPS[index]?.name, { cause: run.reason })] : [],
    );
    if (failures.length > 0) throw failures[0];
  },
);

/** Leaves out the names of a copy, which are an object in a bucket without a name. */
const isUpload = (each: Dirent) => each.isFile() && !each.parentPath.includes("/%2f/%2f/");

async function killAt(kind: (typeof STEPS)[number]): Promise<void> {
  const folder = makeFolder();
  let service = await start(folder);
  const ledger = new Ledger(() => service);
  ledger.allow(ALLOWED);
  try {
    /** Does the step, killed at that point of it, and says how many points it has if it is not. */
    const doStep = async (upload: Upload, point: number) => {
      await ledger.advance(upload, kind.before);
      await arm(service, folder, point);
      return ledger.advance(upload, kind.after);
    };
    expect(await doStep(kind.make(ledger, 0), 1e9), ledger.summary()).toBe(true);
    const points = chosen(await arm(service, folder, 1e9));
    let recovered = 0;
    for (const [index, point] of points.entries()) {
      const upload = kind.make(ledger, index);
      await doStep(upload, point);
      // Where a step is answered before its last operations it is killed behind its answer.
      service.signal("SIGKILL");
      await service.ended;
      const since = performance.now();
      service = await start(folder, service);
      recovered = Math.max(recovered, performance.now() - since);
      const found = await ledger.read(upload.key());
      const context = `point ${point}, seed ${SEED}`;
      if (found === undefined) expect(upload.acknowledged, context).toBe(false);
      else expect(found.equals(upload.bytes), context).toBe(true);
    }
    // A client that got no answer tries again.
    await ledger.settle();
    for (const upload of ledger.uploads) await ledger.repeat(upload);
    const stored = readdirSync(join(folder, "objects"), { recursive: true, withFileTypes: true });
    expect(stored.filter(isUpload)).toHaveLength(ledger.uploads.length);
    const name = `killed at ${points.length} points of ${kind.name}, seed ${SEED}`;
    await conclude(name, ledger, recovered);
    await service.stop();
    // Only these: one that runs has files of its own there, which go at any time.
    const left = readdirSync(join(folder, "temporary"));
    service = await start(folder, service, HASTENED);
    await expectSwept(folder, left);
  } finally {
    await service.stop();
  }
}

const WAITING = { policy: "waiting" };

/** What a crash left is removed by the service while it runs, once nobody can be writing it. */
async function expectSwept(folder: string, crashed: ReadonlyArray<string>): Promise<void> {
  const [temporary, uploads] = [join(folder, "temporary"), join(folder, "uploads")];
  const anHourAgo = new Date(Date.now() - 60 * 60_000);
  for (const name of crashed) utimesSync(join(temporary, name), anHourAgo, anHourAgo);
  const left = () =>
    [temporary, uploads].flatMap((path) => (existsSync(path) ? readdirSync(path) : []));
  await until("the sweep", () => {
    const names = left();
    // It is the cause where this never comes.
    if (names.length > 0) throw new Error(`there still is ${names.join(", ")}`);
    return true;
  });
}

// An upload that can be written once is there already if its first answer was lost.
const ALLOWED: Allowed = {
  put: ["200", "none", "412 PreconditionFailed"],
  confirm: ["200", "none"],
  complete: ["200", "none"],
};

async function start(folder: string, before?: ServiceProcess, env = {}): Promise<ServiceProcess> {
  const port = before === undefined ? String(await freePort()) : new URL(before.address).port;
  const KILL_AT = join(folder, "kill-at");
  writeFileSync(KILL_AT, "");
  return startProcess(
    {
      PORT: port,
      ...env,
      ...(before && { DEV_TOKEN: before.token }),
      STORAGE_LOCAL_DIR: folder,
      STORAGE_MAX_FILE_SIZE: "50 MiB",
      STORAGE_POLICIES: JSON.stringify({ waiting: { arrival: "incoming", verify_content: false } }),
      KILL_AT,
    },
    async () => ["node", "--import", PRELOAD, await bundled("node")],
  );
}

const PRELOAD = new URL("kill-at.ts", import.meta.url).href;

/** Lets the service be killed at a point from now on, and gives the points since the last time. */
async function arm(service: ServiceProcess, folder: string, point: number): Promise<number> {
  const before = service.output().length;
  writeFileSync(join(folder, "kill-at"), String(point));
  service.signal("SIGUSR2");
  const [, operations] = await until(
    "the arming",
    () => /armed for \d+ after (\d+)/.exec(service.output().slice(before)) ?? undefined,
  );
  return 2 * Number(operations);
}

/** Half of the points lie among the last, where names change and the answer is given. */
function chosen(all: number): ReadonlyArray<number> {
  const random = seeded(SEED);
  return Array.from({ length: POINTS }, (_, index) => {
    if (POINTS >= all) return Math.floor((index * all) / POINTS);
    const from = index % 2 === 0 ? 0 : Math.max(0, all - LAST);
    return from + Math.floor(random() * (all - from));
  });
}

const LAST = 30;

/** Numbers from 0 to 1, by the "mulberry32" generator. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
