import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { createHash, randomUUID, timingSafeEqual } from "node:crypto";

// What most people write: a route of Hono that lets Amazon's client sign both URLs.

const TOKEN = createHash("sha256").update("x").digest();
const ALLOWED = new Set(["image/png", "image/jpeg", "application/pdf", "text/plain"]);
const BOUND = new Set(["content-length", "content-type"]);

const client = new S3Client({
  region: "us-east-1",
  endpoint: "http://127.0.0.1:9000",
  forcePathStyle: true,
  requestChecksumCalculation: "WHEN_REQUIRED",
  credentials: { accessKeyId: "access-key", secretAccessKey: "secret-key" },
});

const app = new Hono();
app.post("/api/v1/orgs/:slug/files/presign", async (c) => {
  const token = /^Bearer (.+)$/.exec(c.req.header("authorization") ?? "")?.[1] ?? "";
  if (!timingSafeEqual(createHash("sha256").update(token).digest(), TOKEN)) return c.text("", 401);
  const { filename, content_type, size } = await c.req.json();
  if (typeof filename !== "string" || !ALLOWED.has(content_type)) return c.text("", 415);
  if (!Number.isSafeInteger(size) || size < 1 || size > 10 * 1024 * 1024) return c.text("", 413);
  const now = new Date();
  const month = now.toISOString().slice(0, 7).replace("-", "/");
  const Key = `orgs/${c.req.param("slug")}/files/${month}/${randomUUID()}.png`;
  const put = new PutObjectCommand({
    Bucket: "files",
    Key,
    ContentType: content_type,
    ContentLength: size,
  });
  const get = new GetObjectCommand({ Bucket: "files", Key, ResponseContentType: content_type });
  return c.json({
    put_url: await getSignedUrl(client, put, {
      expiresIn: 900,
      signableHeaders: BOUND,
      unhoistableHeaders: BOUND,
    }),
    get_url: await getSignedUrl(client, get, { expiresIn: 86_400 }),
    put_headers: { "Content-Type": content_type },
    put_expires_at: new Date(now.getTime() + 900_000).toISOString(),
    get_expires_at: new Date(now.getTime() + 86_400_000).toISOString(),
    key: Key,
  });
});

serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.argv[2]) });
