import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";

// By the embedded store, http/multipart-local.test.ts and service/embedded-parts.test.ts have it.

const minio = await need("minio");

const PART_SIZE = 5 * 2 ** 20;
/** Three parts, the last one shorter. */
const FILE = randomBytes(2 * PART_SIZE + 100_003);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Calls of a person to a service, below the path of uploads in parts or of all files. */
const callsTo =
  ({ address, token }: ServiceProcess, root: "/multipart" | "" = "/multipart") =>
  async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${address}/api/v1/orgs/acme/files${root}${path}`, {
      method,
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === "" ? undefined : JSON.parse(text) };
  };

describe.skipIf(minio === undefined)("with MinIO", () => {
  let service: ServiceProcess;
  beforeAll(async () => {
    service = await startProcess({
      STORAGE_MAX_FILE_SIZE: "20 MiB",
      STORAGE_ADAPTER: "minio",
      STORAGE_ENDPOINT: minio?.endpoint ?? "",
      STORAGE_ACCESS_KEY: minio?.accessKey ?? "",
      STORAGE_SECRET_KEY: minio?.secretKey ?? "",
      STORAGE_BUCKET: `multipart-${crypto.randomUUID()}`,
      STORAGE_CREATE_BUCKET: "on",
      STORAGE_POLICIES: JSON.stringify({ files: { link_lifetime: "1 day" } }),
    });
  });
  afterAll(() => service.stop());

  /** An upload of `FILE` that was started. */
  const start = async () => {
    const call = callsTo(service);
    const started = await call("POST", "", {
      filename: "a.png",
      content_type: "image/png",
      size: FILE.length,
    });
    expect(started).toMatchObject({ status: 200, body: { part_size: PART_SIZE, part_count: 3 } });
    const { upload, key } = started.body;
    /** Sends these parts as a client does, and gives what `complete` takes of them. */
    const send = async (...part_numbers: ReadonlyArray<number>) => {
      const signed = await call("POST", "/parts", { upload, part_numbers });
      expect(signed.status).toBe(200);
      const sent: Array<{ part_number: number; etag: string | null }> = [];
      for (const { part_number, url, headers } of signed.body.parts) {
        const body = FILE.subarray((part_number - 1) * PART_SIZE, part_number * PART_SIZE);
        const put = await fetch(url, { method: "PUT", headers, body });
        expect(put.status, await put.text()).toBe(200);
        sent.push({ part_number, etag: put.headers.get("etag") });
      }
      return sent;
    };
    return { call, upload, key, send };
  };

  it("a client uploads a file in parts, sends what is missing, and makes a link with the receipt", async () => {
    const { call, upload, key, send } = await start();
    const two = await send(3, 1);
    const listed = await call("GET", `/parts?upload=${upload}`);
    expect(listed.body.parts.map((part: { part_number: number }) => part.part_number)).toEqual([
      1, 3,
    ]);
    const early = await call("POST", "/complete", { upload, parts: two });
    expect(early).toMatchObject({
      status: 409,
      body: { code: "UPLOAD_INCOMPLETE", missing: [2] },
    });
    const parts = [...two, ...(await send(2))];
    const completed = await call("POST", "/complete", { upload, parts });
    expect(completed).toMatchObject({
      status: 200,
      body: { key, size: FILE.length, content_type: "image/png", final: true },
    });
    expect(Object.keys(completed.body)).toContain("file_url");
    const file = await fetch(completed.body.get_url);
    expect(sha256(await file.bytes())).toBe(sha256(FILE));
    const { get_url: _, get_expires_at: __, receipt, ...facts } = completed.body;
    expect(await call("POST", "/complete", { upload, parts })).toMatchObject({
      status: 200,
      body: facts,
    });

    const callFiles = callsTo(service, "");
    const confirmed = await callFiles("POST", "/confirm", { receipt });
    expect(confirmed).toMatchObject({ status: 200, body: facts });
    const link = await callFiles("POST", "/links", { receipt });
    expect(link.status).toBe(200);
    const opened = await fetch(link.body.link_url);
    expect(sha256(await opened.bytes())).toBe(sha256(FILE));
  });

  it("an upload that was aborted cannot be continued", async () => {
    const { call, upload, send } = await start();
    const parts = await send(1, 2, 3);
    expect(await call("DELETE", "", { upload })).toEqual({ status: 204, body: undefined });
    expect(await call("DELETE", "", { upload })).toEqual({ status: 204, body: undefined });
    for (const refused of [
      await call("GET", `/parts?upload=${upload}`),
      await call("POST", "/complete", { upload, parts }),
    ]) {
      expect(refused).toMatchObject({ status: 400, body: { code: "INVALID_UPLOAD" } });
    }
  });
});
