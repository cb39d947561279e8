import * as Effect from "effect/Effect";
import type { Audience } from "../../../application/ports/presigner.ts";
import type { StorageKey } from "../../../domain/storage-key.ts";
import { failed, type Finding, passed } from "./finding.ts";
import type { KeyNames } from "./key-names.ts";
import { mendOf, refusalOf } from "./store-answer.ts";
import { BYTES, type Target } from "./target.ts";

/** Reads a stored object back, at both endpoints, and looks for what was added to it on the way. */
export const readBack = Effect.fnUntraced(function* (
  target: Target,
  names: KeyNames,
  key: StorageKey,
  audience: Audience,
) {
  const { s3 } = target;
  const other = audience === "public" ? "internal" : "public";
  const signed = yield* target.signGet(key, { audience });
  const answer = yield* target.send("GET", signed.url);
  const refused = { use: "get", name: names.get, bucket: s3?.bucket ?? "" } as const;
  const findings: Array<Finding> = [
    answer.ok && answer.body.equals(BYTES)
      ? passed("download", "the same bytes were read back")
      : failed(
          "download",
          answer.ok
            ? `${answer.body.length} other bytes were read back`
            : `reading back was refused: ${refusalOf(answer, refused)}`,
          "Files cannot be opened.",
          answer.ok
            ? "look at what stands in front of the store: it changes what it passes on"
            : mendOf(answer, refused),
        ),
  ];
  const elsewhere = yield* target.signGet(key, { audience: other });
  const [here, there] = [signed, elsewhere].map(({ url }) => new URL(url).origin);
  if (here !== there) {
    const seen = yield* Effect.result(target.send("GET", elsewhere.url));
    if (seen._tag === "Success" && seen.success.status === 404) {
      findings.push(
        failed(
          "same bucket",
          `what was put at ${here} is not found at ${there}`,
          "The two endpoints lead to different stores or buckets, so no upload can be confirmed.",
          "let STORAGE_ENDPOINT and STORAGE_PUBLIC_ENDPOINT be two addresses of one store",
        ),
      );
    } else if (seen._tag === "Success" && seen.success.ok) {
      findings.push(passed("same bucket", `it was read at ${there} too`));
    }
  }
  if (s3 !== undefined) {
    const { ok, headers } = yield* target.asKey("service", { method: "HEAD", key });
    const added = [...headers].flatMap(([name, value]) => (isNeverOurs(name, value) ? [name] : []));
    if (ok && added.length > 0) {
      findings.push(addedByProxy(added.map(asRequested).join(", "), "the store obeys it"));
    }
  }
  return findings;
});

/** Headers of an object that only a header of its upload could have brought. */
const isNeverOurs = (name: string, value: string): boolean =>
  name.startsWith("x-amz-meta-") ||
  (name === "x-amz-tagging-count" && value !== "0") ||
  name === "x-amz-website-redirect-location";

const asRequested = (name: string) => (name === "x-amz-tagging-count" ? "x-amz-tagging" : name);

export const addedByProxy = (headers: string, so: string) =>
  failed(
    "proxy",
    `a proxy on the way adds ${headers}, which nobody signed; ${so}`,
    "Stores refuse x-amz-* headers that were not signed, or obey them.",
    'remove the header in the proxy; in nginx: proxy_set_header NAME "";',
  );
