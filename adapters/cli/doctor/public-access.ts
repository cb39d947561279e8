import * as Effect from "effect/Effect";
import type { Audience } from "../../../application/ports/presigner.ts";
import type { StorageKey } from "../../../domain/storage-key.ts";
import { failed, type Finding, type Findings, passed } from "./finding.ts";
import { told } from "./store-answer.ts";
import { BYTES, check, type Target } from "./target.ts";

/** Whether somebody without any key sees or changes something; `read` was read at this address. */
export const publicAccess = (
  target: Target,
  audience: Audience,
  read: StorageKey,
): Effect.Effect<Findings> =>
  check(
    "public access",
    Effect.gen(function* () {
      const unread = yield* target.newKey;
      const signed = yield* target.signPut(unread, { audience });
      yield* target.put(signed);
      const object = signed.url.slice(0, signed.url.indexOf("?"));
      const bucket = object.slice(0, -unread.length);
      const findings: Array<Finding> = [];
      const attempts = [
        ["list the bucket", "GET", `${bucket}?list-type=2&max-keys=1`],
        ["read an object", "GET", object],
        ["write an object", "PUT", `${bucket}${yield* target.newKey}`],
      ] as const;
      for (const [what, method, url] of attempts) {
        const body = method === "PUT" ? { body: BYTES } : {};
        const answer = yield* target.send(method, url, body);
        findings.push(
          answer.ok
            ? failed(
                "public access",
                `everybody can ${what} without a signature`,
                "Signed URLs protect nothing in a bucket that is open anyway.",
                `aws s3api delete-bucket-policy --bucket ${target.s3?.bucket}, or mc anonymous set none STORE/${target.s3?.bucket}; then look at the bucket's ACL`,
              )
            : passed("public access", `nobody can ${what} without a signature (${told(answer)})`),
        );
        if (what !== "read an object" || answer.ok) continue;
        const cached = yield* target.send("GET", `${bucket}${read}`);
        if (cached.ok) findings.push(CACHED);
      }
      return findings;
    }),
  );

const CACHED = failed(
  "cache",
  "a cache on the way gives everybody what was once read with a signature",
  "Whoever knows the name of a file can read it, also when the signed URL has expired.",
  "let the cache pass signed requests on, and keep nothing of them: nginx: proxy_no_cache 1; proxy_cache_bypass 1; a CDN has to count the whole query",
);
