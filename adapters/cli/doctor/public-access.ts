import type { ObjectKey } from "../../../domain/storage-key.ts";
import { CONTENT } from "../../contract/sending/uploads.ts";
import { check } from "./doctor.ts";

/** As S3 and Azure list one object. */
const LISTING = "list-type=2&max-keys=1&restype=container&comp=list&maxresults=1";

/** Tries to list, read and write without a key; `read` was read at this address before. */
export const publicAccess = check(
  "public access",
  function* (doctor, { passed, failed }, read: ObjectKey) {
    const { key: unread, ...signed } = yield* doctor.signPut();
    yield* doctor.put(signed);
    const object = signed.url.slice(0, signed.url.indexOf("?"));
    const bucket = object.slice(0, -unread.length);
    for (const [action, method, url] of [
      ["list the bucket", "GET", `${bucket}?${LISTING}`],
      ["read an object", "GET", object],
      ["write an object", "PUT", `${bucket}${doctor.newKey()}`],
    ] as const) {
      const body = method === "PUT" ? { body: CONTENT } : {};
      const { ok, summary } = yield* doctor.send(method, url, body);
      if (ok) {
        failed(
          `everybody can ${action} without a signature`,
          "Signed URLs protect nothing in a bucket that is open anyway.",
          doctor.s3
            ? `aws s3api delete-bucket-policy --bucket ${doctor.bucket}, or mc anonymous set none STORE/${doctor.bucket}; then look at the bucket's ACL`
            : "az storage account update --name ACCOUNT --allow-blob-public-access false, or gcloud storage buckets update gs://BUCKET --public-access-prevention",
        );
      } else passed(`nobody can ${action} without a signature (${summary})`);
      if (action !== "read an object" || ok) continue;
      if ((yield* doctor.send("GET", `${bucket}${read}`)).ok) {
        const seen = "a cache on the way gives everybody what was once read with a signature";
        const why =
          "Whoever knows the name of a file can read it, also when the signed URL has expired.";
        const mend =
          "let the cache pass signed requests on, and keep nothing of them: nginx: proxy_no_cache 1; proxy_cache_bypass 1; a CDN has to count the whole query";
        doctor.report("cache").failed(seen, why, mend);
      }
    }
  },
);
