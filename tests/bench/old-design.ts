import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { timeout } from "hono/timeout";
import { Client } from "minio";
import { randomUUID } from "node:crypto";

// The design that Valetkey replaces: a form goes through the backend, and what stands before it
// waits for 15 seconds and then answers 502. `old-design.ts PORT STORE BUCKET`; keys in the
// environment.

const LIMIT = 15_000;

const [port, endpoint = "", bucket = ""] = process.argv.slice(2);
const { hostname, port: storePort } = new URL(endpoint);
const store = new Client({
  endPoint: hostname,
  port: Number(storePort),
  useSSL: false,
  region: "us-east-1",
  accessKey: process.env["STORAGE_ACCESS_KEY"] ?? "",
  secretKey: process.env["STORAGE_SECRET_KEY"] ?? "",
});

const app = new Hono();
app.onError((error, c) => (error instanceof HTTPException ? error.getResponse() : c.text("", 500)));
app.use(timeout(LIMIT, () => new HTTPException(502)));
app.post("/upload", async (c) => {
  const { file } = await c.req.parseBody();
  if (!(file instanceof File)) return c.text("", 400);
  const key = randomUUID();
  const content = Buffer.from(await file.arrayBuffer());
  await store.putObject(bucket, key, content, content.length, { "Content-Type": file.type });
  return c.json({ url: await store.presignedGetObject(bucket, key, 86_400) });
});
app.get("/", (c) => c.text("ready"));

serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(port) });
