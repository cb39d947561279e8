import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { PRESIGN, presignInit, startService, storeAt } from "../http/service.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { openBucket } from "../support/s3-store.ts";
import { certificateOf } from "../support/store-certificate.ts";

// A real MinIO that is configured as a server of which nothing is known: its certificate alone says
// what it keeps.

const server = await need("minio");
const FILE = { filename: "a.png", content_type: "image/png", size: 5 };
const BODY = "hello";

/** A new bucket, and services over it as if it were any server, with a certificate or without. */
async function open() {
  const { bucket, client } = await openBucket(server, {});
  const { endpoint = "", accessKey = "", secretKey = "" } = server ?? {};
  const folder = makeFolder();
  const file = join(folder, "certificate.json");
  writeFileSync(file, JSON.stringify(certificateOf({ endpoint, bucket }), null, 2));
  return {
    keepVersions: () => client.setBucketVersioning(bucket, { Status: "Enabled" }),
    service: async (certificate?: "certified") => {
      const { request, close } = await startService({
        storage: storeAt({
          STORAGE_PROVIDER: "s3",
          STORAGE_ENDPOINT: endpoint,
          STORAGE_BUCKET: bucket,
          STORAGE_ACCESS_KEY: accessKey,
          STORAGE_SECRET_KEY: secretKey,
          ...(certificate && { STORAGE_CERTIFICATE: file }),
        }),
        policy: { verifyContent: false },
        policies: {
          waiting: { arrival: "incoming", verifyContent: false },
          once: { writeOnce: true, verifyContent: false },
        },
      });
      onTestFinished(close);
      const ask = async (action: string, body: object) => {
        const answer = await request(PRESIGN.replace("presign", action), presignInit(body));
        return { status: answer.status, ...(await answer.json()) };
      };
      return {
        confirm: (receipt: string) => ask("confirm", { receipt }),
        /** Uploads by one PUT, and returns its receipt. */
        put: async (policy: string) => {
          const granted = await ask("presign", { ...FILE, policy });
          const { put_url, put_headers: headers, receipt } = granted;
          expect((await fetch(put_url, { method: "PUT", headers, body: BODY })).status).toBe(200);
          return receipt;
        },
        parts: async () => {
          const { upload } = await ask("multipart", FILE);
          const { parts } = await ask("multipart/parts", { upload, part_numbers: [1] });
          const [{ url, headers }] = parts;
          const stored = await fetch(url, { method: "PUT", headers, body: BODY });
          const etag = stored.headers.get("etag");
          return ask("multipart/complete", { upload, parts: [{ part_number: 1, etag }] });
        },
        readiness: async () => (await request("/readyz")).json(),
      };
    },
  };
}

describe.skipIf(server === undefined)("a server of which nothing is known", () => {
  it("takes files in parts, which are final late", async () => {
    const { parts, put, confirm } = await (await open()).service();
    const completed = await parts();
    expect(completed).toMatchObject({ status: 200, size: 5, final: false });
    expect(Date.parse(completed.mutable_until)).toBeGreaterThan(Date.now());
    expect(await confirm(completed.receipt)).toMatchObject({ final: false });
    expect(await confirm(await put("waiting"))).toMatchObject({ status: 503 });
  });

  it("has by its certificate what was proved: files in parts and below incoming/ are final", async () => {
    const { service } = await open();
    const [one, other] = await Promise.all([service("certified"), service("certified")]);
    expect(await one.parts()).toMatchObject({ status: 200, final: true });
    const receipt = await one.put("waiting");
    // As two processes do.
    const [first, second] = await Promise.all([one.confirm(receipt), other.confirm(receipt)]);
    expect(first).toMatchObject({ status: 200, final: true });
    expect([second.etag, second.final]).toEqual([first.etag, true]);
    expect(await other.confirm(await one.put("once"))).toMatchObject({ final: true });
    expect((await one.readiness()).parts).toMatchObject({
      store: { state: "ok", certificate: expect.stringMatching(/^MinIO, bucket bucket-/) },
      write_once: { state: "ok" },
    });
  });

  it("has less by its certificate from the moment on that its bucket keeps versions", async () => {
    const { service, keepVersions } = await open();
    const running = await service("certified");
    const [waiting, once] = [await running.put("waiting"), await running.put("once")];
    expect(await running.confirm(once)).toMatchObject({ final: true });
    await keepVersions();
    expect(await running.confirm(waiting)).toMatchObject({ status: 503 });
    expect(await running.confirm(await running.put("once"))).toMatchObject({ final: false });
    expect(await running.parts()).toMatchObject({ status: 200, final: false });
    for (const each of [running, await service("certified")]) {
      const { write_once } = (await each.readiness()).parts;
      expect(write_once.state).toBe("failing");
      expect(write_once.reason).toContain(
        "in a bucket that keeps no versions, and this one keeps versions; certify it again: `valetkey",
      );
    }
  });
});
