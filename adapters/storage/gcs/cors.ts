import type { Bucket } from "@google-cloud/storage";
import { isDeepStrictEqual } from "node:util";
import { type AppliedCors, CORS_MAX_AGE, mergeOrigins } from "../bucket-cors.ts";

/** Headers of a signed PUT, and those that a page may read. */
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
const ruleFor = (origins: ReadonlyArray<string>) => ({
  origin: [...origins],
  method: ["GET", "PUT"],
  responseHeader: HEADERS,
  maxAgeSeconds: CORS_MAX_AGE,
});

export const corsRule = (origins: ReadonlyArray<string>): string =>
  `${JSON.stringify([ruleFor(origins)], undefined, 2)}\n`;

export async function applyCors(
  bucket: Bucket,
  asked: ReadonlyArray<string>,
  { replace } = { replace: false },
): Promise<AppliedCors> {
  const [{ cors = [], metageneration = 0 }] = await bucket.getMetadata();
  const isOurs = (rule: (typeof cors)[number]) =>
    isDeepStrictEqual(rule, ruleFor(rule.origin ?? []));
  const ours = cors.filter(isOurs);
  const merged = mergeOrigins(
    ours.flatMap(({ origin = [] }) => origin),
    asked,
    replace,
  );
  const own = ruleFor(merged.origins);
  if (isDeepStrictEqual(ours, [own])) return { outcome: "there", ...merged };
  const wanted = [...cors.filter((rule) => !isOurs(rule)), own];
  // Fails if the bucket has changed since, so as not to overwrite that change.
  const unchanged = { ifMetagenerationMatch: metageneration };
  await bucket.setMetadata({ cors: wanted }, unchanged);
  const [after] = await bucket.getMetadata();
  if (isDeepStrictEqual(after.cors, wanted)) return { outcome: "added", ...merged };
  throw new Error(`the store did not keep the rules for pages of the bucket ${bucket.name}`);
}
