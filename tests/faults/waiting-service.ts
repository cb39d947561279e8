import { need } from "../support/need.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { s3Client } from "../support/s3-store.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { isReady } from "./endure.ts";

export const minio = await need("minio");
const { endpoint = "http://127.0.0.1:9", accessKey = "", secretKey = "" } = minio ?? {};
export const MINIO = new URL(endpoint);
export const client = s3Client({ endpoint, accessKey, secretKey });

/** What the service and its commands need for a bucket of MinIO that is reached by way of `store`. */
export const storeEnv = (store: URL, bucket: string) => ({
  STORAGE_ADAPTER: "minio",
  STORAGE_BUCKET: bucket,
  STORAGE_CREATE_BUCKET: "on",
  STORAGE_ENDPOINT: store.origin,
  STORAGE_PUBLIC_ENDPOINT: endpoint,
  STORAGE_ACCESS_KEY: accessKey,
  STORAGE_SECRET_KEY: secretKey,
  STORAGE_POLICIES: JSON.stringify({ waiting: { arrival: "incoming", verify_content: false } }),
  RECEIPT_KEYS: `own:${receiptKey("killed").toString("base64")}`,
});

/** Starts a service whose policy `waiting` keeps uploads apart, or one in the place of another. */
export async function startWaiting(
  store: URL,
  bucket: string,
  before?: ServiceProcess,
  env: Readonly<Record<string, string>> = {},
) {
  const again = before && { PORT: new URL(before.address).port, DEV_TOKEN: before.token };
  const service = await startProcess({ ...again, ...storeEnv(store, bucket), ...env });
  await isReady(service);
  return service;
}

/** The keys of all that a bucket has, of each version and delete marker too. */
export async function keysIn(bucket: string): Promise<ReadonlyArray<string>> {
  const keys: Array<string> = [];
  const listed = client.listObjects(bucket, "", true, { IncludeVersion: true });
  for await (const { name } of listed) keys.push(name);
  return keys;
}

/** Points before and after each of these calls, from anywhere on. */
export function pointsIn(calls: number, most: number): ReadonlyArray<number> {
  const all = 2 * calls;
  const stride = Math.max(1, Math.floor(all / most));
  const shift = Math.floor(Math.random() * all);
  return Array.from({ length: most }, (_, i) => (shift + i * stride) % all);
}
