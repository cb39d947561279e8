import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ask } from "../support/ask.ts";
import { bundled } from "../support/bundled.ts";
import { commandPath } from "../support/command-path.ts";
import { startFaultyServer } from "../support/faulty-server.ts";
import { isFullRun } from "../support/full-run.ts";
import type { ServiceProcess } from "../support/service-process.ts";
import { Ledger } from "./ledger.ts";
import {
  client,
  keysIn,
  MINIO,
  minio,
  pointsIn,
  startWaiting,
  storeEnv,
} from "./waiting-service.ts";

const POINTS = isFullRun ? 40 : 2;
const TIMEOUT = { timeout: POINTS * 450_000 };

describe.skipIf(minio === undefined)("in a bucket with versions", () => {
  let front: Awaited<ReturnType<typeof startFaultyServer>>;
  let bucket: string;
  let service: ServiceProcess;
  let ledger: Ledger;
  beforeEach(async () => {
    front = await startFaultyServer(MINIO);
    bucket = `killed-${crypto.randomUUID()}`;
    await client.makeBucket(bucket);
    await client.setBucketVersioning(bucket, { Status: "Enabled" });
    service = await startWaiting(front.url, bucket);
    ledger = new Ledger(() => service);
  });
  afterEach(async () => {
    await service.stop();
    front.close();
  });

  /** An upload after so many of its steps: granted, sent, confirmed. */
  const uploaded = async (steps: number) => {
    const upload = ledger.file({ asked: { policy: "waiting" }, waits: true });
    expect(await ledger.advance(upload, steps), ledger.summary()).toBe(true);
    return upload;
  };
  const remove = async (key: string) => {
    return ask(service, key.replace("orgs/acme/files/", ""), undefined, "DELETE").then(
      ({ status }) => status,
      () => 0,
    );
  };
  const marks = () => ledger.uploads.map(({ key }) => `incoming/removed/${key()}`);
  /** Files that are confirmed, waiting and removed. */
  const fill = async () => {
    for (const steps of [3, 2, 3]) await uploaded(steps);
    expect(await remove(ledger.uploads.at(-1)?.key() ?? "")).toBe(204);
  };
  /** Kills at a call to the store, which are counted from here. */
  const arm = (point: number, kill: () => Promise<unknown>) => {
    let passed = 0;
    front.state.arrived.length = 0;
    front.state.onPass = async () => {
      if (passed++ === point) await kill();
    };
  };

  it("a removal that was killed at any call ends when it is asked for again", TIMEOUT, async () => {
    const first = await uploaded(3);
    arm(Infinity, async () => undefined);
    expect(await remove(first.key())).toBe(204);
    for (const point of pointsIn(front.state.arrived.length, POINTS)) {
      const upload = await uploaded(3);
      // Somebody has sent it again since.
      await ledger.repeatPut(upload);
      arm(point, async () => {
        service.signal("SIGKILL");
        await service.ended;
      });
      expect(await remove(upload.key()), `point ${point}`).toBe(0);
      front.state.onPass = undefined;
      service = await startWaiting(front.url, bucket, service);
      const found = await ledger.read(upload.key());
      expect(found?.equals(upload.bytes), `point ${point}`).not.toBe(false);
      expect(await remove(upload.key())).toBe(204);
      expect(await ledger.read(upload.key())).toBeUndefined();
      await ledger.repeatPut(upload);
      ledger.allow({ confirm: ["404 NOT_FOUND"] });
      upload.done = 2;
      expect(await ledger.advance(upload)).toBe(false);
      ledger.allow({});
      expect(await remove(upload.key())).toBe(204);
      expect(ledger.wrong).toEqual([]);
    }
    expect(new Set(await keysIn(bucket))).toEqual(new Set(marks()));
  });

  it(
    "forget that was killed at any call finds the rest when it is run again",
    TIMEOUT,
    async () => {
      const cli = await bundled("cli");
      const forget = async (onStart: (kill: () => Promise<unknown>) => void) => {
        const child = spawn(commandPath("node"), [cli, "forget", "--org", "acme", "--apply"], {
          env: { ...process.env, ...storeEnv(front.url, bucket) },
          stdio: "ignore",
        });
        const ended = once(child, "exit");
        onStart(() => {
          child.kill("SIGKILL");
          return ended;
        });
        const [code] = await ended;
        front.state.onPass = undefined;
        return code;
      };
      const other = `orgs/globex/files/2026/11/${crypto.randomUUID()}.png`;
      await client.putObject(bucket, other, "other");
      await fill();
      expect(await forget((kill) => arm(Infinity, kill))).toBe(0);
      for (const point of pointsIn(front.state.arrived.length, POINTS)) {
        await fill();
        expect(await forget((kill) => arm(point, kill)), `point ${point}`).toBe(null);
        expect(await forget(() => undefined)).toBe(0);
        expect(new Set(await keysIn(bucket))).toEqual(new Set([other, ...marks()]));
      }
    },
  );
});
