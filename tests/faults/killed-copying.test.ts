import { Client } from "minio";
import { expect, it } from "vitest";
import { startFaultyServer } from "../support/faulty-server.ts";
import { isFullRun } from "../support/full-run.ts";
import { need } from "../support/need.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { conclude, isReady } from "./endure.ts";
import { Ledger, type Upload } from "./ledger.ts";

const minio = await need("minio");
const { endpoint = "http://127.0.0.1:9", accessKey = "", secretKey = "" } = minio ?? {};
/** The service starts once for each. */
const POINTS = isFullRun ? 200 : 6;

it.skipIf(minio === undefined)(
  "a service that is killed at any call by which it makes a file of an upload loses nothing",
  { timeout: POINTS * 30_000 },
  async () => {
    const front = await startFaultyServer(new URL(endpoint));
    const bucket = `killed-${crypto.randomUUID()}`;
    let service = await start(front.url, bucket);
    const ledger = new Ledger(() => service);
    ledger.allow({ confirm: ["200", "none"] });
    const begin = async (): Promise<Upload> => {
      const upload = ledger.file({ asked: { policy: "waiting" }, waits: true });
      await ledger.advance(upload, 2);
      return upload;
    };
    try {
      const first = await begin();
      front.state.arrived.length = 0;
      expect(await ledger.advance(first)).toBe(true);
      const calls = front.state.arrived.slice();
      expect(calls).toContain("POST object uploadId");
      // Before and after each call; a quick run takes some of them.
      const all = 2 * calls.length;
      const stride = Math.max(1, Math.floor(all / POINTS));
      const shift = Math.floor(Math.random() * all);
      const points = Array.from({ length: POINTS }, (_, i) => (shift + i * stride) % all);
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
        service = await start(front.url, bucket, service);
        const found = await ledger.read(upload.key());
        expect(found?.equals(upload.bytes), context).not.toBe(false);
      }
      await ledger.settle();
      for (const upload of ledger.uploads) await ledger.repeat(upload);
      await conclude(`killed at ${points.length} calls of a confirm`, ledger, 0);
      const stored = await list(bucket);
      expect(stored.toSorted()).toEqual(ledger.uploads.map(({ key }) => key()).toSorted());
    } finally {
      await service.stop();
      front.close();
    }
  },
);

const start = async (store: URL, bucket: string, before?: ServiceProcess) => {
  const again = before && { PORT: new URL(before.address).port, DEV_TOKEN: before.token };
  const service = await startProcess({
    ...again,
    STORAGE_ADAPTER: "minio",
    STORAGE_BUCKET: bucket,
    STORAGE_CREATE_BUCKET: "on",
    STORAGE_ENDPOINT: store.origin,
    STORAGE_PUBLIC_ENDPOINT: endpoint,
    STORAGE_ACCESS_KEY: accessKey,
    STORAGE_SECRET_KEY: secretKey,
    STORAGE_POLICIES: JSON.stringify({ waiting: { arrival: "incoming", verify_content: false } }),
    RECEIPT_KEYS: `own:${receiptKey("killed").toString("base64")}`,
  });
  await isReady(service);
  return service;
};

async function list(bucket: string): Promise<ReadonlyArray<string>> {
  const { hostname, port } = new URL(endpoint);
  const at = { endPoint: hostname, port: Number(port), useSSL: false };
  const names: Array<string> = [];
  const client = new Client({ ...at, accessKey, secretKey });
  for await (const { name } of client.listObjectsV2(bucket, "", true)) names.push(name);
  return names;
}
