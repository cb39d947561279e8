import { minio } from "valetkey/minio";

const {
  STORAGE_ENDPOINT = "",
  STORAGE_ACCESS_KEY,
  STORAGE_SECRET_KEY,
  STORAGE_BUCKET,
} = process.env;

/** The store; `aws()`, and `gcs()` with an HMAC key, run in a Worker as well. */
export const storage = minio({
  endpoint: STORAGE_ENDPOINT,
  bucket: STORAGE_BUCKET,
  accessKey: STORAGE_ACCESS_KEY,
  secretKey: STORAGE_SECRET_KEY,
});

/** Beside the policy `files`; nothing replaces a draft once it is stored. */
export const policies = { drafts: { writeOnce: true } } as const;
