import { createValetkey } from "valetkey";
import { local } from "valetkey/local";
import { minio } from "valetkey/minio";
import { attachments, userOf, users } from "./users";

const { PORT = "3000", STORAGE_ENDPOINT, STORAGE_ACCESS_KEY, STORAGE_SECRET_KEY } = process.env;

export const valetkey = createValetkey({
  storage:
    STORAGE_ENDPOINT === undefined
      ? local()
      : minio({
          endpoint: STORAGE_ENDPOINT,
          accessKey: STORAGE_ACCESS_KEY,
          secretKey: STORAGE_SECRET_KEY,
          createBucket: true,
        }),
  publicUrl: `http://127.0.0.1:${PORT}`,
  policy: { maxSize: "5 MiB", allowedTypes: ["image/png", "image/jpeg"] },
  authenticate: ({ headers }) => userOf(headers.get("cookie")),
  organizations: (slug, caller) => (users.get(caller.id)?.organization === slug ? slug : undefined),
  onConfirmed: (upload) => void attachments.set(upload.key, upload),
});
