import { openAsBlob } from "node:fs";
import { basename } from "node:path";
import { setTimeout } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { paths } from "./valetkey.d.ts";

// Uploads one file, with a client whose types are generated of the service's own document.

const { VALETKEY = "http://127.0.0.1:8787", TOKEN = "" } = process.env;
const [, , path = "photo.png", type = "image/png"] = process.argv;

const client = createClient<paths>({
  baseUrl: VALETKEY,
  headers: { Authorization: `Bearer ${TOKEN}` },
});
const params = { path: { slug: "acme" } };
// Read piece by piece, as it is sent.
const file = new File([await openAsBlob(path)], basename(path), { type });

const granted = await client.POST("/api/v1/orgs/{slug}/files/presign", {
  params,
  body: { filename: file.name, content_type: file.type, size: file.size },
});
if (granted.error !== undefined) {
  // The code says what else is known of the refusal.
  switch (granted.error.code) {
    case "FILE_TOO_LARGE":
      throw new Error(`At most ${granted.error.limit} bytes, please`);
    case "UNSUPPORTED_MEDIA_TYPE":
      throw new Error(`One of ${granted.error.allowed.join(", ")}, please`);
    default:
      throw new Error(granted.error.detail);
  }
}

const { put_url, put_headers, receipt } = granted.data;
const put = await fetch(put_url, { method: "PUT", headers: put_headers, body: file });
if (!put.ok) throw new Error(`The store refused it: ${put.status}`);

const confirm = () =>
  client.POST("/api/v1/orgs/{slug}/files/confirm", { params, body: { receipt } });
let confirmed = await confirm();
// It has arrived, and is copied or scanned.
while (confirmed.response.status === 202) {
  await setTimeout(Number(confirmed.response.headers.get("retry-after") ?? 1) * 1000);
  confirmed = await confirm();
}
if (confirmed.error !== undefined) throw new Error(confirmed.error.detail);
if (!("get_url" in confirmed.data)) throw new Error(confirmed.data.detail);
console.log(confirmed.data.get_url);
