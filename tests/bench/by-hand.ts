import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { createHash, createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { Agent, type IncomingMessage, request } from "node:http";

// The same work as the service's in one function without layers: authenticate, check, make a key,
// sign twice; to confirm, look at the object and sign once. What it lacks are the rules for everything
// that is not the good case. Its arguments are the store's host, if one is asked, and a port of its own.

const args = process.argv.slice(2);
const port = Number(args.pop());
const [HOST = "127.0.0.1:9000"] = args;
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

app.post("/api/v1/orgs/:slug/files/confirm", async (c) => {
  const token = /^Bearer (.+)$/.exec(c.req.header("authorization") ?? "")?.[1] ?? "";
  if (!timingSafeEqual(createHash("sha256").update(token).digest(), TOKEN)) return c.text("", 401);
  const { receipt } = await c.req.json();
  const [version, id, sealed = "", mac = ""] = String(receipt).split(".");
  const expected = macOf(`${version}.${id}.${sealed}`);
  if (mac.length !== expected.length) return c.text("", 404);
  if (!timingSafeEqual(Buffer.from(mac), Buffer.from(expected))) return c.text("", 404);
  const grant = JSON.parse(Buffer.from(sealed, "base64url").toString());
  const now = new Date();
  const answer = await head(sign(now, "HEAD", grant.key, 900, "", ""));
  const { "content-length": size, "content-type": type, etag } = answer.headers;
  if (answer.statusCode !== 200) return c.text("", 409);
  if (Number(size) !== grant.size || type !== grant.content_type) return c.text("", 422);
  const response = `&response-content-type=${encodeURIComponent(grant.content_type)}`;
  return c.json({ ...grant, etag, file_url: sign(now, "GET", grant.key, 86_400, response, "") });
});

const agent = new Agent({ keepAlive: true });

const head = (url: string) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { method: "HEAD", agent }, (answer) => resolve(answer.resume()))
      .once("error", reject)
      .end();
  });

const receiptKey = Buffer.alloc(32, 1);

const receiptOf = (grant: object): string => {
  const sealed = `v1.own.${Buffer.from(JSON.stringify(grant)).toString("base64url")}`;
  return `${sealed}.${macOf(sealed)}`;
};

const macOf = (sealed: string): string =>
  createHmac("sha256", receiptKey).update(`valetkey receipt\n${sealed}`).digest("base64url");

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

serve({ fetch: app.fetch, hostname: "127.0.0.1", port });
