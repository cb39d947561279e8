import { createValetkey } from "valetkey";
import { local } from "valetkey/local";
import { minio } from "valetkey/minio";
import { attachments, userOf, users } from "./users.server";

const {
  PORT = "3000",
  STORAGE_ENDPOINT: endpoint,
  STORAGE_ACCESS_KEY: accessKey,
  STORAGE_SECRET_KEY: secretKey,
} = process.env;

export const valetkey = createValetkey({
  storage: endpoint ? minio({ endpoint, accessKey, secretKey, createBucket: true }) : local(),
  publicUrl: `http://127.0.0.1:${PORT}`,
  policy: { maxSize: "5 MiB", allowedTypes: ["image/png", "image/jpeg"] },
  authenticate: ({ headers }) => userOf(headers.get("cookie")),
  organizations: (slug, caller) => (users.get(caller.id)?.organization === slug ? slug : undefined),
  onConfirmed: (upload) => void attachments.set(upload.key, upload),
});
await valetkey.ready();
