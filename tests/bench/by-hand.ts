import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { createHash, createHmac, randomUUID, timingSafeEqual } from "node:crypto";

// The same work as the service's in one function without layers: authenticate, check, make a key,
// sign twice. What it lacks are the rules for everything that is not the good case.

const HOST = "127.0.0.1:9000";
const REGION = "us-east-1";
const TOKEN = createHash("sha256").update("x").digest();
const ALLOWED = new Set(["image/png", "image/jpeg", "application/pdf", "text/plain"]);

const app = new Hono();
app.post("/api/v1/orgs/:slug/files/presign", async (c) => {
  const token = /^Bearer (.+)$/.exec(c.req.header("authorization") ?? "")?.[1] ?? "";
  if (!timingSafeEqual(createHash("sha256").update(token).digest(), TOKEN)) return c.text("", 401);
  const { filename, content_type, size } = await c.req.json();
  if (typeof filename !== "string" || !ALLOWED.has(content_type)) return c.text("", 415);
  if (!Number.isSafeInteger(size) || size < 1 || size > 10 * 1024 * 1024) return c.text("", 413);
  const now = new Date();
  const month = now.toISOString().slice(0, 7).replace("-", "/");
  const key = `orgs/${c.req.param("slug")}/files/${month}/${randomUUID()}.png`;
  const put = sign(
    now,
    "PUT",
    key,
    900,
    "",
    `content-length:${size}\ncontent-type:${content_type}\n`,
  );
  const get = sign(
    now,
    "GET",
    key,
    86_400,
    `&response-content-type=${encodeURIComponent(content_type)}`,
    "",
  );
  return c.json({
    put_url: put,
    get_url: get,
    put_headers: { "Content-Type": content_type },
    put_expires_at: new Date(now.getTime() + 900_000).toISOString(),
    get_expires_at: new Date(now.getTime() + 86_400_000).toISOString(),
    key,
    receipt: receiptOf({ key, filename, content_type, size, now: now.getTime() }),
  });
});

const receiptKey = Buffer.alloc(32, 1);

function receiptOf(grant: object): string {
  const sealed = `v1.own.${Buffer.from(JSON.stringify(grant)).toString("base64url")}`;
  const mac = createHmac("sha256", receiptKey).update(`valetkey receipt\n${sealed}`);
  return `${sealed}.${mac.digest("base64url")}`;
}

let signingKey: { readonly day: string; readonly key: Buffer } | undefined;

function sign(
  now: Date,
  method: string,
  key: string,
  expires: number,
  more: string,
  headers: string,
): string {
  const timestamp = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const day = timestamp.slice(0, 8);
  const scope = `${day}/${REGION}/s3/aws4_request`;
  const names = headers === "" ? "host" : "content-length;content-type;host";
  const query =
    `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(`access-key/${scope}`)}` +
    `&X-Amz-Date=${timestamp}&X-Amz-Expires=${expires}&X-Amz-SignedHeaders=${encodeURIComponent(names)}${more}`;
  const canonical = `${method}\n/files/${key}\n${query}\n${headers}host:${HOST}\n\n${names}\nUNSIGNED-PAYLOAD`;
  const digest = createHash("sha256").update(canonical).digest("hex");
  if (signingKey?.day !== day) {
    let derived: string | Buffer = "AWS4secret-key";
    for (const part of [day, REGION, "s3", "aws4_request"]) {
      derived = createHmac("sha256", derived).update(part).digest();
    }
    signingKey = { day, key: derived as Buffer };
  }
  const signature = createHmac("sha256", signingKey.key)
    .update(`AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${digest}`)
    .digest("hex");
  return `http://${HOST}/files/${key}?${query}&X-Amz-Signature=${signature}`;
}

serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.argv[2]) });
