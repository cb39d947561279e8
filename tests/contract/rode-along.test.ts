import * as Effect from "effect/Effect";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { CONTENT, putRequest } from "../../adapters/contract/sending/uploads.ts";
import { send } from "../../adapters/contract/sending/send.ts";
import { useCases } from "../../adapters/contract/subject/use-cases.ts";
import { AWS4_HMAC_SHA256 } from "../../adapters/storage/signing/algorithms.ts";
import { signQuery } from "../../adapters/storage/signing/sign-query.ts";
import type { SignedPut } from "../../application/ports/presigner.ts";
import { need } from "../support/need.ts";
import { openBucket } from "../support/s3-store.ts";

// Unsigned headers of a PUT that a MinIO obeys, if the key may do everything. What a narrower key
// prevents is in least-privilege.test.ts. Where our signature forbids a header, the PUT is signed
// here without that: whoever has the key can do so.

const server = await need("minio");

/** A store with a new bucket, which can lock its objects if `lock` is set. */
async function open({ lock = false } = {}) {
  const services = await openBucket(server, { lock });
  return { ...services, ...useCases(services) };
}

const put = ({ url, headers }: SignedPut, extra: Readonly<Record<string, string>> = {}) =>
  send("PUT", url, { headers: { ...headers, ...extra }, body: CONTENT });

/** The granted PUT with further headers, by a URL that forbids none. */
function putUnbound(granted: Grant, bucket: string, extra: Readonly<Record<string, string>>) {
  const { endpoint = "", accessKey = "", secretKey = "" } = server ?? {};
  const { origin, host } = new URL(endpoint);
  const { headers } = granted.put;
  const bound = { ...headers, "Content-Length": `${CONTENT.length}`, host };
  const url = signQuery(
    { algorithm: AWS4_HMAC_SHA256, accessKey, secretKey },
    {
      method: "PUT",
      origin,
      path: `/${bucket}/${granted.key}`,
      query: [],
      headers: Object.entries(bound)
        .map(([name, value]) => [name.toLowerCase(), value] as const)
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
      region: "us-east-1",
      now: Date.now(),
      expiresIn: 60,
    },
  );
  return send("PUT", url, { headers: { ...headers, ...extra }, body: CONTENT });
}
type Grant = Awaited<ReturnType<ReturnType<typeof useCases>["grant"]>>;

const SHA256 = {
  algorithm: "sha256",
  value: createHash("sha256").update(CONTENT).digest("base64"),
} as const;
const MD5 = {
  algorithm: "md5",
  value: createHash("md5").update(CONTENT).digest("base64"),
} as const;
const RETAINED = {
  "x-amz-object-lock-mode": "GOVERNANCE",
  "x-amz-object-lock-retain-until-date": new Date(Date.now() + 3_600_000).toISOString(),
};

describe.skipIf(server === undefined)("MinIO", () => {
  it("a tag is no mismatch, since the operator of the store may set it", async () => {
    const { grant, confirm, client, bucket } = await open();
    const { put: signed, receipt, key } = await grant();
    await put(signed);
    await client.setObjectTagging(bucket, key, { scanned: "clean" });
    expect((await confirm(receipt))._tag).toBe("Done");
  });

  it("an upload that is bound by its checksum alone is not final, since its PUT can still add a header", async () => {
    const { grant, confirm } = await open();
    const granted = await grant({ checksum: SHA256 });
    await put(granted.put);
    expect(await confirm(granted.receipt)).toMatchObject({ checksum: SHA256, final: false });
    expect((await put(granted.put, { "Content-Language": "de" })).status).toBe(200);
    expect((await confirm(granted.receipt))._tag).toBe("UploadMismatch");
  });

  it("a storage class that was not granted is a mismatch", async () => {
    const { grant, confirm } = await open();
    const granted = await grant();
    await put(granted.put, { "x-amz-storage-class": "REDUCED_REDUNDANCY" });
    expect(await confirm(granted.receipt)).toMatchObject({
      differences: [{ property: "x-amz-storage-class", actual: "REDUCED_REDUNDANCY" }],
    });
  });

  it.each([
    [RETAINED, ["x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"]],
    [{ "x-amz-object-lock-legal-hold": "ON" }, ["x-amz-object-lock-legal-hold"]],
  ])("a lock that was not granted is a mismatch: %j", async (lock, properties) => {
    const { grant, confirm, bucket } = await open({ lock: true });
    const granted = await grant();
    const stored = await putUnbound(granted, bucket, { ...lock, "Content-MD5": MD5.value });
    expect(stored.status, stored.body.toString()).toBe(200);
    expect(await confirm(granted.receipt)).toMatchObject({
      _tag: "UploadMismatch",
      differences: properties.map((property) => ({ property })),
    });
  });

  it("a lock by the default of the bucket is no mismatch", async () => {
    const { grant, confirm, client, bucket } = await open({ lock: true });
    await client.setObjectLockConfig(bucket, { mode: "GOVERNANCE", unit: "Days", validity: 1 });
    const granted = await grant({ checksum: MD5 });
    expect((await put(granted.put)).status).toBe(200);
    expect((await confirm(granted.receipt))._tag).toBe("Done");
  });

  it("an upload that is bound to an MD5 and became a copy is a mismatch by its ETag", async () => {
    const { grant, confirm, presigner, bucket } = await open();
    const other = CONTENT.map((byte) => byte ^ 1);
    const secret = putRequest();
    const { url, headers } = await Effect.runPromise(presigner.put(secret));
    await send("PUT", url, { headers, body: other });
    const granted = await grant({ checksum: MD5 });
    const source = { "x-amz-copy-source": `/${bucket}/${secret.key}` };
    const copied = await putUnbound(granted, bucket, source);
    expect(copied.status).toBe(200);
    expect(await confirm(granted.receipt)).toMatchObject({
      _tag: "UploadMismatch",
      differences: [{ property: "checksum", expected: MD5.value }],
    });
  });
});
