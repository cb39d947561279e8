import * as Effect from "effect/Effect";
import type { Audience } from "../../../application/ports/presigner.ts";
import type { StorageKey } from "../../../domain/storage-key.ts";
import zlib from "node:zlib";
import { ByteSize } from "../../../domain/byte-size.ts";
import {
  attemptWith,
  effectOf,
  type Harm,
  HARMS,
  type Place,
  REMOVAL,
  type Row,
  UNSIGNED_HEADERS,
} from "../../storage/contract/unsigned-headers.ts";
import { failed, type Findings, passed } from "./finding.ts";
import { told } from "./store-answer.ts";
import { check, OTHER_BYTES, type Target } from "./target.ts";

const MEND =
  "give uploads a key of their own (STORAGE_PUT_ACCESS_KEY, STORAGE_PUT_SECRET_KEY), which may do what `valetkey policy put` prints";

/** Why a harm matters. */
const WHY: Readonly<Record<Harm, string>> = {
  "writes under another key":
    "One upload URL writes every key: whoever holds one can replace the files of others.",
  "stores other bytes":
    "Whoever holds an upload URL can read every file that the signing key can read, or make the file unreadable.",
  "lets others read the file": "Whoever holds an upload URL can let everybody read the file.",
  "removes the file, or changes what a rule or confirm knows it by":
    "A confirmed file can disappear or change, and nothing in the store's answers tells.",
  "locks, moves or encrypts the file":
    "A file can be kept where nobody can read it, or cannot be removed.",
  "comes with a download": "A download does not say what was granted.",
};

/** What the key for uploads may do beyond a PUT, by its own requests and by headers on a PUT. */
export const privilege = (
  target: Target,
  audience: Audience,
  stored: StorageKey,
): Effect.Effect<Findings> =>
  Effect.all([
    check("least privilege", ownRequests(target, stored)),
    ...TRIED.map((harm) => check("unsigned headers", unsigned(target, audience, harm, stored))),
    check("forged upload", forged(target, audience)),
  ]).pipe(Effect.map((findings) => findings.flat()));

const ownRequests = Effect.fnUntraced(function* (target: Target, stored: StorageKey) {
  const victim = yield* target.newKey;
  yield* target.put(yield* target.signPut(victim, { audience: "internal" }));
  const may: Array<string> = [];
  const attempts = [
    ["list the bucket", { method: "GET", query: [["max-keys", "1"]] }],
    ["read objects", { method: "GET", key: stored }],
    ["remove objects", { method: "DELETE", key: victim }],
  ] as const;
  for (const [what, request] of attempts) {
    const { ok } = yield* target.asKey("put", request);
    if (ok) may.push(what);
  }
  return may.length === 0
    ? [passed("least privilege", "the key that signs uploads may not list, read or remove")]
    : [
        failed(
          "least privilege",
          `the key that signs uploads may also ${may.join(", ")}${may.length === attempts.length ? ", as the root user or an administrator may" : ""}`,
          "Whoever gets a signed URL or this key can do more than upload one file.",
          MEND,
        ),
      ];
});

/** What comes with a download is overridden by a signed GET, and confirm tells the rest. */
const TRIED = HARMS.filter((harm) => harm !== "comes with a download");

const unsigned = Effect.fnUntraced(function* (
  target: Target,
  audience: Audience,
  harm: Harm,
  other: StorageKey,
) {
  const bucket = target.s3?.bucket ?? "";
  const rows = UNSIGNED_HEADERS[harm];
  const place = { bucket, other, content: OTHER_BYTES };
  const tried = yield* Effect.forEach(
    rows,
    (row) =>
      Effect.flatMap(target.newKey, (created) =>
        attempt(target, audience, { harm, row, place, created }),
      ),
    { concurrency: 4 },
  );
  const removes = harm.startsWith("removes");
  const isSwift = tried.some(({ answer }) => SWIFT.some((name) => name in answer.headers));
  // Waiting is for servers that may be a Swift.
  if (removes && (isSwift || ["swift", "s3"].includes(target.s3?.provider ?? "s3"))) {
    yield* Effect.sleep(REMOVAL);
  }
  const findings = yield* Effect.forEach(
    tried,
    (each) => Effect.map(each.effect, (effect) => ({ ...each, effect })),
    { concurrency: 4 },
  );
  // In lists, a file that has expired stays until another takes its place, which is then removed.
  if (removes && isSwift) yield* Effect.all(tried.map(({ again }) => again));
  const obeyed = findings.filter(({ effect }) => effect !== undefined);
  const refused = tried.filter(({ answer }) => !answer.ok).length;
  return obeyed.length === 0
    ? [passed("unsigned headers", `none ${harm}: ${rows.length} tried, ${refused} refused`)]
    : obeyed.map(({ name, effect }) =>
        failed(
          "unsigned headers",
          `an unsigned ${name} ${harm}: ${effect}`,
          WHY[harm],
          `${MEND}; or let a proxy remove the header: nginx: proxy_set_header ${name} "";`,
        ),
      );
});

/** The headers by which a Swift is known. */
const SWIFT = ["x-trans-id", "x-openstack-request-id"];

/** Sends a PUT again with a header, and looks what came of it. */
const attempt = Effect.fnUntraced(function* (
  target: Target,
  audience: Audience,
  { harm, row, place, created }: { harm: Harm; row: Row; place: Place; created: StorageKey },
) {
  const { name, headers, body } = attemptWith(row, place, created);
  const key = yield* target.newKey;
  const signed = yield* target.signPut(key, { audience, size: ByteSize.make(body.length) });
  yield* target.put(signed, { body });
  const { url } = yield* target.signGet(key, { audience });
  const before = yield* target.send("GET", url);
  const unsignedUrl = url.slice(0, url.indexOf("?"));
  // A bucket that is public, or a cache on the way, is told of elsewhere.
  const wasOpen = (yield* target.send("GET", unsignedUrl)).ok;
  const answer = yield* target.put(signed, { headers, body });
  if (harm === "writes under another key") target.scratch.add(created);
  const elsewhere = yield* target.signGet(created, { audience });
  const effect = Effect.gen(function* () {
    if (!before.ok || !answer.ok) return undefined;
    if (harm === "writes under another key" && (yield* target.send("GET", elsewhere.url)).ok) {
      return "another file was written";
    }
    if (!wasOpen && (yield* target.send("GET", unsignedUrl)).ok) {
      return "a download needs no signature";
    }
    const query = [["tagging", ""]] as const;
    const tags = yield* target.asKey("service", { method: "GET", key, query });
    if (tags.text.includes("<Key>valetkey</Key>")) return "the file is marked for removal";
    const after = yield* target.send("GET", url);
    // What cannot be read is not confirmed, unless it was removed later.
    if (!after.ok && !harm.startsWith("removes")) return undefined;
    return effectOf(headers, before, after);
  });
  return { name, answer, effect, again: target.put(signed, { body }) };
});

/** CVE-2026-41145: a MinIO that does not verify the signature of such an upload. */
const forged = Effect.fnUntraced(function* (target: Target, audience: Audience) {
  const key = yield* target.newKey;
  const { url } = yield* target.signPut(key, { audience });
  const crc32 = Buffer.alloc(4);
  crc32.writeUInt32BE(zlib.crc32("forged"));
  const answer = yield* target.send(
    "PUT",
    url
      .replace(/(X-Amz-Signature=)[^&]+/, `$1${"0".repeat(64)}`)
      .replace(/(X-Amz-SignedHeaders=)[^&]+/, "$1host"),
    {
      headers: {
        "Content-Type": "image/png",
        "Content-Encoding": "aws-chunked",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "6",
        "x-amz-trailer": "x-amz-checksum-crc32",
      },
      body: `6\r\nforged\r\n0\r\nx-amz-checksum-crc32:${crc32.toString("base64")}\r\n\r\n`,
    },
  );
  return answer.ok
    ? [
        failed(
          "forged upload",
          "an upload without a valid signature is accepted when it is sent as STREAMING-UNSIGNED-PAYLOAD-TRAILER (CVE-2026-41145)",
          "Whoever has seen one signed URL can write under any key. Only confirm notices.",
          "update the store to a build with the fix, or let a proxy refuse requests with x-amz-content-sha256: STREAMING-*",
        ),
      ]
    : [passed("forged upload", `an upload with a forged signature is refused (${told(answer)})`)];
});
