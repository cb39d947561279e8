import type { Bucket } from "@google-cloud/storage";
import { isDeepStrictEqual } from "node:util";
import { CORS_MAX_AGE } from "../bucket-cors.ts";

/** Every header that a signed PUT may ask a browser to send, and those that a page may read. */
const HEADERS = [
  "Content-MD5",
  "Content-Type",
  "ETag",
  "x-goog-content-length-range",
  "x-goog-custom-time",
  "x-goog-hash",
  "x-goog-if-generation-match",
];

/** "Set up and view CORS configurations", Cloud Storage documentation. */
const ruleOf = (origins: ReadonlyArray<string>) => ({
  origin: [...origins],
  method: ["GET", "PUT"],
  responseHeader: HEADERS,
  maxAgeSeconds: CORS_MAX_AGE,
});

/** The rule as `gcloud` takes it. */
export const corsRule = (origins: ReadonlyArray<string>): string =>
  `${JSON.stringify([ruleOf(origins)], undefined, 2)}\n`;

/** Adds the rule. Rules have no names, so one of ours with other origins stays beside it. */
export async function applyCors(
  bucket: Bucket,
  origins: ReadonlyArray<string>,
): Promise<"added" | "there"> {
  const [{ cors = [], metageneration = 0 }] = await bucket.getMetadata();
  const own = ruleOf(origins);
  if (cors.some((rule) => isDeepStrictEqual(rule, own))) return "there";
  // Fails if the bucket has changed since, so as not to overwrite that change.
  const unchanged = { ifMetagenerationMatch: metageneration };
  await bucket.setMetadata({ cors: [...cors, own] }, unchanged);
  return "added";
}
