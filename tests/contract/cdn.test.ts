import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createValetkey, type Valetkey } from "../../adapters/embed/index.ts";
import { minio } from "../../adapters/embed/minio.ts";
import { freePort } from "../support/free-port.ts";
import { need } from "../support/need.ts";
import { startCdn } from "../support/nginx.ts";
import { s3Client } from "../support/s3-store.ts";
import { listen } from "../support/serve.ts";
import { opensAt } from "../support/signed-by-cdn.ts";

const nginx = await need("nginx");
const store = await need("minio");

const { publicKey, privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});
const GOOGLE = "nZtRohdNF9m3cKM24IcK4w==";
const CDNS = [
  ["cloudfront", { cdnKeyId: "K2JCJMDEHXQW5F", cdnKey: privateKey }, { cloudfront: publicKey }],
  ["google", { cdnKeyId: "my-key", cdnKey: GOOGLE }, { google: GOOGLE }],
] as const;
const SECRET = "only-the-cdn-knows";
const MIA = {
  caller: { id: "mia", scopes: ["write", "confirm", "read", "list", "remove"] as const },
};

async function get(url: string, cookie = "") {
  const answer = await fetch(url, { headers: cookie === "" ? {} : { cookie } });
  return [answer.status, answer.headers.get("x-cache") ?? "", await answer.text()];
}

const statusOf = async (url: string, cookie?: string) => (await get(url, cookie))[0];

describe.skipIf(nginx === undefined || store === undefined).each(CDNS)(
  "nginx as the CDN %s before MinIO",
  (cdnSigner, key, keys) => {
    const bucket = `cdn-${crypto.randomUUID()}`;
    const acme = { ...MIA, organization: "acme" };
    let hours = 0;
    let cdn: Awaited<ReturnType<typeof startCdn>>;
    let verifier: Awaited<ReturnType<typeof listen>>;
    let valetkey: Valetkey<"files" | "avatars">;

    beforeAll(async () => {
      const { endpoint = "", accessKey = "", secretKey = "" } = store ?? {};
      verifier = await listen(({ headers }, response) => {
        const now = Math.floor(Date.now() / 1000) + hours * 3600;
        const isOpen = opensAt(String(headers["x-url"]), headers.cookie ?? "", now, keys);
        response.writeHead(isOpen ? 200 : 403).end();
      });
      cdn = await startCdn({
        path: nginx ?? "",
        port: await freePort(),
        bucket: `${endpoint}/${bucket}`,
        secret: SECRET,
        verifier: verifier.url.href,
      });
      valetkey = createValetkey({
        storage: minio({ endpoint, bucket, accessKey, secretKey, createBucket: true }),
        publicUrl: "http://127.0.0.1:1",
        organizations: (slug) => ({ acme: "org_1", globex: "org_2" })[slug],
        policy: { allowedTypes: ["image/*", "text/html"] },
        policies: { avatars: { public: true, allowedTypes: ["image/*"], arrival: "incoming" } },
        cdnUrl: cdn.address,
        cdnSigner,
        ...key,
        log: () => undefined,
      });
      await valetkey.ready();
      // What origin access control is at Amazon.
      const statement = {
        Effect: "Allow",
        Principal: "*",
        Action: "s3:GetObject",
        Resource: `arn:aws:s3:::${bucket}/orgs/*`,
        Condition: { StringEquals: { "aws:Referer": SECRET } },
      };
      const policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
      await s3Client(store ?? expect.fail()).setBucketPolicy(bucket, policy);
    });
    afterAll(async () => {
      await valetkey?.close();
      await cdn?.stop();
      await verifier?.close();
    });

    async function upload(over: object = {}, organization = "acme") {
      const file = { filename: "a.gif", contentType: "image/gif", size: 6, ...over };
      const granted = await valetkey.requestUpload({ ...MIA, organization, ...file });
      const { putUrl, putHeaders: headers } = granted;
      const sent = await fetch(putUrl, { method: "PUT", headers, body: "GIF89a" });
      expect(sent.status).toBe(200);
      return granted;
    }
    const open = async (key: string) => (await valetkey.openFile({ ...acme, key })).url;

    it("a cache serves a signed file once from the bucket, and then itself, to nobody else", async () => {
      hours = 0;
      const { key, getUrl } = await upload();
      expect(await get(getUrl)).toEqual([200, "MISS", "GIF89a"]);
      const url = await open(key);
      expect(await get(url)).toEqual([200, "HIT", "GIF89a"]);
      const other = (await upload()).key;
      for (const changed of [
        `${cdn.address}/${key}`,
        url.replace(key, other),
        url.replace(/Expires=1/, "Expires=2"),
        url.replace(/Signature=./, "Signature=*"),
        `${url}&a=b`,
      ]) {
        expect(await statusOf(changed), changed).toBe(403);
      }
      expect(await statusOf(`${store?.endpoint}/${bucket}/${key}`)).toBe(403);
      hours = 25;
      expect(await statusOf(url)).toBe(403);
    });

    it("a cookie opens the folders that it names, of its organization alone", async () => {
      hours = 0;
      const { key } = await upload();
      const foreign = (await upload({}, "globex")).key;
      const { cookies } = await valetkey.signCookies(acme);
      const cookie = Object.entries(cookies).map(([name, value]) => `${name}=${value}`);
      expect(await statusOf(`${cdn.address}/${key}`, cookie.join("; "))).toBe(200);
      expect(await statusOf(`${cdn.address}/${foreign}`, cookie.join("; "))).toBe(403);
      const past = (await valetkey.signCookies({ ...acme, prefix: "2020/01" })).cookies;
      const others = Object.entries(past).map(([name, value]) => `${name}=${value}`);
      expect(await statusOf(`${cdn.address}/${key}`, others.join("; "))).toBe(403);
      hours = 25;
      expect(await statusOf(`${cdn.address}/${key}`, cookie.join("; "))).toBe(403);
    });

    it("a public file is there for everybody once it is confirmed, and in the cache after its removal", async () => {
      hours = 0;
      const { key, receipt, publicUrl = "" } = await upload({ policy: "avatars" });
      const url = `${cdn.address}/${key}`;
      expect(publicUrl.startsWith(cdn.address)).toBe(cdnSigner === "cloudfront");
      expect(await statusOf(url)).not.toBe(200);
      await valetkey.confirmUpload({ ...acme, receipt });
      expect(await get(url)).toEqual([200, "MISS", "GIF89a"]);
      expect(await get(url)).toEqual([200, "HIT", "GIF89a"]);
      await valetkey.removeFile({ ...acme, key });
      expect(await get(url)).toEqual([200, "HIT", "GIF89a"]);
      expect(await statusOf(`${cdn.address}/orgs/org_1/public/../files/2026/11/a.gif`)).toBe(403);
    });

    it("a type that browsers execute is saved, from the store, and not opened by the CDN", async () => {
      hours = 0;
      const { key, getUrl } = await upload({ filename: "a.html", contentType: "text/html" });
      const answer = await fetch(getUrl);
      expect(new URL(getUrl).origin).toBe(new URL(store?.endpoint ?? "").origin);
      expect(answer.headers.get("content-disposition")).toMatch(/^attachment/);
      expect(await statusOf(`${cdn.address}/${key}`)).toBe(403);
    });
  },
);
