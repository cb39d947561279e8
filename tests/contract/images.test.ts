import * as DateTime from "effect/DateTime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { make } from "../../adapters/delivery/images/thumbor.ts";
import { createValetkey, type Valetkey } from "../../adapters/embed/index.ts";
import { minio } from "../../adapters/embed/minio.ts";
import { makePng as png } from "../support/make-png.ts";
import { serve } from "../support/serve.ts";
import { s3Client } from "../support/s3-store.ts";
import { need } from "../support/need.ts";
import { startThumbor } from "../support/thumbor.ts";

const path = await need("thumbor");
const store = await need("minio");

const KEY = "0b1d3f5a7c9e0b2d4f6a8c0e1b3d5f7a";
const MIA = { caller: { id: "mia" }, organization: "acme" };
const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" width="999" height="9"><image href="http://127.0.0.1/"/></svg>';

const sizeOf = (image: Buffer) => [image.readUInt32BE(16), image.readUInt32BE(20)];

async function get(url: string) {
  const answer = await fetch(url);
  return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()), answer };
}

describe.skipIf(path === undefined || store === undefined)("a real thumbor beside MinIO", () => {
  const bucket = `images-${crypto.randomUUID()}`;
  let thumbor: Awaited<ReturnType<typeof startThumbor>>;
  let valetkey: Valetkey;

  beforeAll(async () => {
    const { endpoint = "", accessKey = "", secretKey = "" } = store ?? {};
    thumbor = await startThumbor(path ?? "", {
      key: KEY,
      source: `${endpoint}/${bucket}/orgs/`,
    });
    valetkey = createValetkey({
      storage: minio({ endpoint, bucket, accessKey, secretKey, createBucket: true }),
      publicUrl: "http://127.0.0.1:1",
      organizations: (slug) => (slug === "acme" ? "org_1" : undefined),
      policy: { images: [64, 320], allowedTypes: ["image/*"], maxSize: "200 MiB" },
      images: "thumbor",
      imagesUrl: thumbor.address,
      imagesKey: KEY,
      log: () => undefined,
    });
    await valetkey.ready();
  });
  afterAll(async () => {
    await valetkey?.close();
    await thumbor?.stop();
  });

  /** Uploads a picture, and returns its address in a width. */
  async function address(bytes: Uint8Array<ArrayBuffer>, width = 320): Promise<string> {
    const file = { filename: "a.png", contentType: "image/png", size: bytes.length };
    const { key, putUrl, putHeaders } = await valetkey.requestUpload({ ...MIA, ...file });
    const sent = await fetch(putUrl, { method: "PUT", headers: putHeaders, body: bytes });
    expect(sent.status).toBe(200);
    return (await valetkey.openFile({ ...MIA, key, width })).url;
  }

  it("a picture comes in the widths of its policy, and is never enlarged", async () => {
    const large = png(1000, 500);
    for (const [width, height] of [
      [320, 160],
      [64, 32],
    ] as const) {
      const { status, body, answer } = await get(await address(large, width));
      expect([status, answer.headers.get("content-type")]).toEqual([200, "image/png"]);
      expect(sizeOf(body)).toEqual([width, height]);
      expect(answer.headers.get("cache-control")).toBe("max-age=3600,public");
    }
    expect(sizeOf((await get(await address(png(100, 50)))).body)).toEqual([100, 50]);
  });

  it("another width, filter, source or signature is refused, and so is none", async () => {
    const url = await address(png(1000, 500));
    expect((await get(url)).status).toBe(200);
    const [, signature = "", size = "", filter = "", source = ""] = new URL(url).pathname.split(
      "/",
    );
    const [first = ""] = signature;
    const other = await address(png(500, 500), 64);
    const otherSource = other.slice(other.lastIndexOf("/") + 1);
    for (const changed of [
      `${signature}/4096x0/${filter}/${source}`,
      `${signature}/0x0/${filter}/${source}`,
      `${signature}/${size}/filters:blur(150)/${source}`,
      `${signature}/${size}/${source}`,
      `${signature}/${size}/${filter}/${otherSource}`,
      `${signature}/${size}/${filter}/${source}%26a`,
      `${signature}/meta/${size}/${filter}/${source}`,
      `${first === "A" ? "B" : "A"}${signature.slice(1)}/${size}/${filter}/${source}`,
      `${signature.slice(0, -1)}/${size}/${filter}/${source}`,
      `unsafe/${size}/${filter}/${source}`,
      `${size}/${filter}/${source}`,
    ]) {
      const { status } = await get(`${thumbor.address}/${changed}`);
      expect([400, 404], changed).toContain(status);
    }
  });

  it("nothing but the files of the bucket is a source, even with the right key", async () => {
    const client = s3Client(store ?? expect.fail());
    const picture = png(400, 400);
    let asked = 0;
    const { port } = await serve((_, response) => {
      asked += 1;
      response.end(picture);
    });
    await client.makeBucket(`${bucket}-2`);
    const signed = async (name: string, key: string) => {
      await client.putObject(name, key, picture);
      return client.presignedGetObject(name, key);
    };
    const file = await signed(bucket, "orgs/org_1/files/2026/11/a.png");
    const { addressOf } = make({ root: thumbor.address, key: KEY, salt: "" });
    const expiresAt = DateTime.makeUnsafe(0);
    const statusOf = async (url: string) => (await get(addressOf({ url, expiresAt }, 320))).status;
    expect(await statusOf(file)).toBe(200);
    for (const source of [
      await signed(bucket, "incoming/orgs/org_1/files/2026/11/a.png"),
      await signed(`${bucket}-2`, "orgs/org_1/files/2026/11/a.png"),
      `http://127.0.0.1:${port}/${bucket}/orgs/a.png?a`,
      `http://${new URL(file).host}@127.0.0.1:${port}/${bucket}/orgs/a.png?a`,
      `http://127.0.0.1:${port}/a.png?${file}`,
    ]) {
      expect(await statusOf(source), source).toBeGreaterThanOrEqual(400);
    }
    expect(asked).toBe(0);
  });

  it("thumbor asks for its source character for character, as stores of any kind sign it", async ({
    onTestFinished,
  }) => {
    const asked: Array<string | undefined> = [];
    const { host, origin } = await serve(({ url }, response) => {
      asked.push(url);
      response.end(png(100, 50));
    });
    const other = await startThumbor(path ?? "", {
      key: KEY,
      source: `http://${host}/files/orgs/`,
    });
    onTestFinished(other.stop);
    const { addressOf } = make({ root: other.address, key: KEY, salt: "" });
    const expiresAt = DateTime.makeUnsafe(0);
    const queries = [
      // Of Azure, of temporary keys of Amazon, and what a version can be.
      "sig=a%2Bb%2Fc%3D&se=2026-01-01T00%3A00%3A00Z",
      "X-Amz-Security-Token=IQo%2F%2B%3D%3D&X-Amz-Date=20260101T000000Z",
      "versionId=%2525%20%22%26;~'(*)!",
      "a=b",
    ];
    for (const query of queries) {
      const url = `${origin}/files/orgs/org_1/a.png?${query}`;
      expect((await get(addressOf({ url, expiresAt }, 64))).status).toBe(200);
      expect(asked.at(-1)).toBe(`/files/orgs/org_1/a.png?${query}`);
    }
  });

  it.each([
    ["a picture of more pixels than Compose allows", png(8000, 8000)],
    ["a small file that names far more", png(2 ** 20, 2 ** 20, 1)],
    ["SVG under the name of a PNG", Buffer.from(SVG)],
    ["HTML under the name of a PNG", Buffer.from("<html><script>alert(1)</script>")],
  ])("%s is refused, and the server goes on", async (_, bytes) => {
    const { status, body, answer } = await get(await address(bytes));
    expect(status, body.toString()).toBeGreaterThanOrEqual(400);
    expect(answer.headers.get("content-type") ?? "").not.toContain("svg");
    // As large as it may be.
    expect((await get(await address(png(7000, 7000)))).status).toBe(200);
  });

  it("a picture that was removed comes from what thumbor keeps, until that is over", async () => {
    const url = await address(png(700, 700));
    expect((await get(url)).status).toBe(200);
    const source = new URL(decodeURIComponent(url.slice(url.lastIndexOf("/") + 1)));
    const key = source.pathname.replace(`/${bucket}/`, "");
    await s3Client(store ?? expect.fail()).removeObject(bucket, key);
    expect((await get(url)).status).toBe(200);
    const other = await valetkey.openFile({ ...MIA, key, width: 64 });
    expect((await get(other.url)).status).toBe(404);
  });
});
