import { expect, it } from "vitest";
import { startFaultyServer } from "../support/faulty-server.ts";
import { isFullRun } from "../support/full-run.ts";
import { conclude } from "./endure.ts";
import { Ledger, type Upload } from "./ledger.ts";
import { keysIn, MINIO, minio, pointsIn, startWaiting } from "./waiting-service.ts";

/** The service starts once for each. */
const POINTS = isFullRun ? 200 : 3;

it.skipIf(minio === undefined)(
  "a service that is killed at any call by which it makes a file of an upload loses nothing",
  { timeout: POINTS * 300_000 },
  async () => {
    const front = await startFaultyServer(MINIO);
    const bucket = `killed-${crypto.randomUUID()}`;
    let service = await startWaiting(front.url, bucket);
    const ledger = new Ledger(() => service);
    ledger.allow({ confirm: ["200", "none"] });
    const begin = async (): Promise<Upload> => {
      const upload = ledger.file({ asked: { policy: "waiting" }, waits: true });
      await ledger.advance(upload, 2);
      return upload;
    };
    try {
      // The second asks least: that there is a bucket is remembered for some seconds.
      for (const upload of [await begin(), await begin()]) {
        front.state.arrived.length = 0;
        expect(await ledger.advance(upload)).toBe(true);
      }
      const calls = front.state.arrived.slice();
      expect(calls).toContain("POST object uploadId");
      // Before and after each call; a quick run takes some of them.
      const points = pointsIn(calls.length, POINTS);
      for (const point of points) {
        const upload = await begin();
        let passed = 0;
        front.state.onPass = async () => {
          if (passed++ !== point) return;
          service.signal("SIGKILL");
          await service.ended;
        };
        const isAnswered = await ledger.advance(upload);
        front.state.onPass = undefined;
        const context = `point ${point} of ${calls.join(", ")}`;
        expect(isAnswered, context).toBe(false);
        service = await startWaiting(front.url, bucket, service);
        const found = await ledger.read(upload.key());
        expect(found?.equals(upload.bytes), context).not.toBe(false);
        await ledger.settle();
      }
      for (const upload of ledger.uploads) await ledger.repeat(upload);
      await conclude(`killed at ${points.length} calls of a confirm`, ledger, 0);
      const stored = await keysIn(bucket);
      expect(stored.toSorted()).toEqual(ledger.uploads.map(({ key }) => key()).toSorted());
    } finally {
      await service.stop();
      front.close();
    }
  },
);
