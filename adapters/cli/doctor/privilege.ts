import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import zlib from "node:zlib";
import type { ObjectKey } from "../../../domain/storage-key.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import {
  attemptWith,
  findEffect,
  type Harm,
  HARMS,
  REMOVAL,
  type Row,
  UNSIGNED_HEADERS,
} from "../../storage/contract/unsigned-headers.ts";
import { trySpellings, writtenAs } from "../../storage/contract/spellings.ts";
import { check, type Doctor, type NoAnswer, OTHER_BYTES, withWrongSignature } from "./doctor.ts";

const OWN_KEY =
  "give uploads a key of their own (STORAGE_PUT_ACCESS_KEY, STORAGE_PUT_SECRET_KEY), which may do what `valetkey policy put` prints";

/** Tries what the key for uploads may do beyond a PUT: other requests, and headers on a PUT. */
export const privilege = (doctor: Doctor, stored: ObjectKey): Effect.Effect<unknown> =>
  Effect.all([
    ownRequests(doctor, stored),
    ...TRIED.map((harm) => unsignedHeaders(doctor, harm, stored)),
    forgedUpload(doctor),
  ]);

const ownRequests = check("least privilege", function* (doctor, report, stored: ObjectKey) {
  const { key, ...signed } = yield* doctor.signPut({ audience: "internal" });
  yield* doctor.put(signed);
  const attempts = [
    ["list the bucket", { method: "GET", query: [["max-keys", "1"]] }],
    ["read objects", { method: "GET", key: stored }],
    ["remove objects", { method: "DELETE", key }],
  ] as const;
  const allowed: Array<string> = [];
  for (const [action, request] of attempts) {
    if ((yield* doctor.sendAs("put", request)).ok) allowed.push(action);
  }
  if (allowed.length === 0) {
    return report.passed("the key that signs uploads may not list, read or remove");
  }
  const isAll = allowed.length === attempts.length;
  const owner = isAll ? ", as the root user or an administrator may" : "";
  const seen = `the key that signs uploads may also ${allowed.join(", ")}${owner}`;
  const why = "Whoever gets a signed URL or this key can do more than upload one file.";
  return report.failed(seen, why, OWN_KEY);
});

/** A header that comes with a download is overridden by a signed GET, and confirm reports it. */
const TRIED = HARMS.filter((harm) => harm !== "comes with a download");

const WHY: Readonly<Record<Harm, string>> = {
  "writes under another key":
    "One upload URL writes every key: whoever holds one can replace the files of others.",
  "stores other bytes":
    "Whoever holds an upload URL can read every file that the signing key can read, or make the file unreadable.",
  "lets others read the file": "Whoever holds an upload URL can let everybody read the file.",
  "removes the file, or changes what a rule or confirm knows it by":
    "A confirmed file can disappear or change, and no answer of the store shows it.",
  "locks, moves or encrypts the file":
    "A file can be kept where nobody can read it, or cannot be removed.",
  "comes with a download": "A download differs from what was granted.",
};

const unsignedHeaders = check(
  "unsigned headers",
  function* (doctor, report, harm: Harm, other: ObjectKey) {
    const rows: ReadonlyArray<Row> = UNSIGNED_HEADERS[harm];
    const removes = harm.startsWith("removes");
    let isSwift = false;
    let refused = 0;
    const stored: Array<Effect.Effect<unknown, NoAnswer>> = [];
    const tryOne = Effect.fnUntraced(function* (row: Row, spelling?: string) {
      const { answer, look, again } = yield* attempt(doctor, { harm, row, other, spelling });
      isSwift ||= SWIFT_HEADERS.some((name) => name in answer.headers);
      if (answer.ok) stored.push(again);
      else refused++;
      return answer.ok ? look : undefined;
    });
    // Waiting is for servers that may be a Swift.
    const wait = Effect.suspend(() =>
      removes && (isSwift || ["swift", "s3"].includes(doctor.s3?.provider ?? "s3"))
        ? Effect.sleep(REMOVAL)
        : Effect.void,
    );
    const looks = yield* Effect.forEach(rows, (row) => tryOne(row), AT_ONCE);
    const summary = `none ${harm}: ${rows.length} tried, ${refused} refused`;
    yield* wait;
    const plain = yield* Effect.forEach(
      rows.map((row, index) => ({ row, look: looks[index] })),
      ({ row, look = Effect.undefined }) =>
        Effect.map(look, (effect) => ({ rows: [row], spelling: "", effect })),
      AT_ONCE,
    );
    const isHarmless = ({ effect }: (typeof plain)[number]) => effect === undefined;
    const harmless = plain.filter(isHarmless).flatMap(({ rows }) => rows);
    const respelled = yield* trySpellings(harmless, tryOne, { wait, ...AT_ONCE });
    // In lists, a file that has expired stays until another takes its place, which is then removed.
    if (removes && isSwift) yield* Effect.all(stored, AT_ONCE);
    const found = [...plain.filter((tried) => !isHarmless(tried)), ...respelled];
    if (found.length === 0) report.passed(summary);
    for (const { rows, spelling, effect } of found) {
      const name = rows.map((row) => Object.keys(row)[0]).join(" or ");
      const tried = spelling === "" ? name : `${name}, written ${spelling},`;
      report.failed(`an unsigned ${tried} ${harm}: ${effect}`, WHY[harm], MEND);
    }
  },
);

const AT_ONCE = { concurrency: 4 };

const MEND = `${OWN_KEY}; or let a proxy pass on only the headers of an upload, as deploy/compose/store.caddy does`;

const SWIFT_HEADERS = ["x-trans-id", "x-openstack-request-id"];

const attempt = Effect.fnUntraced(function* (
  doctor: Doctor,
  {
    harm,
    row,
    other,
    spelling,
  }: { harm: Harm; row: Row; other: ObjectKey; spelling?: string | undefined },
) {
  const { send, put, bucket } = doctor;
  const created = yield* doctor.newKey;
  const place = { bucket, other, content: OTHER_BYTES };
  const { headers, body } = attemptWith(row, place, created);
  const { key, ...signed } = yield* doctor.signPut({ size: ByteSize.make(body.length) });
  const again = put(signed, { body });
  yield* again;
  const { url } = yield* doctor.signGet(key);
  const unsignedUrl = url.slice(0, url.indexOf("?"));
  const before = yield* send("GET", url);
  // A bucket that is public, or a cache on the way, is reported by another check.
  const wasOpen = (yield* send("GET", unsignedUrl)).ok;
  const added = spelling === undefined ? { headers } : { written: writtenAs(spelling, headers) };
  const answer = yield* put(signed, { ...added, body });
  const writesElsewhere = harm === "writes under another key";
  if (writesElsewhere) doctor.scratch.add(created);
  const elsewhere = yield* doctor.signGet(created);
  const look = Effect.gen(function* () {
    if (!before.ok) return undefined;
    if (writesElsewhere && (yield* send("GET", elsewhere.url)).ok) {
      return "another file was written";
    }
    if (yield* isRefusedByConfirm(doctor, key)) return undefined;
    if (!wasOpen && (yield* send("GET", unsignedUrl)).ok) return "a download needs no signature";
    const after = yield* send("GET", url);
    // An unreadable file is not confirmed, unless it was removed later.
    return after.ok || harm.startsWith("removes") ? findEffect(headers, before, after) : undefined;
  });
  return { answer, look, again };
});

/** What confirm sees and answers with 409 is no file. */
const isRefusedByConfirm = ({ store }: Doctor, key: ObjectKey) =>
  Effect.match(store.head(key), {
    onSuccess: Option.exists(({ extraHeaders }) => Object.keys(extraHeaders).length > 0),
    onFailure: ({ _tag }) => _tag === "ObjectUnreadable",
  });

/** CVE-2026-41145: a MinIO that does not verify the signature of such an upload. */
const forgedUpload = check("forged upload", function* (doctor, report) {
  const { url } = yield* doctor.signPut();
  const crc32 = Buffer.alloc(4);
  crc32.writeUInt32BE(zlib.crc32("forged"));
  const forged = withWrongSignature(url).replace(/(X-Amz-SignedHeaders=)[^&]+/, "$1host");
  const { ok, told } = yield* doctor.send("PUT", forged, {
    headers: {
      "Content-Type": "image/png",
      "Content-Encoding": "aws-chunked",
      "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "x-amz-decoded-content-length": "6",
      "x-amz-trailer": "x-amz-checksum-crc32",
    },
    body: `6\r\nforged\r\n0\r\nx-amz-checksum-crc32:${crc32.toString("base64")}\r\n\r\n`,
  });
  return ok
    ? report.failed(
        "an upload without a valid signature is accepted when it is sent as STREAMING-UNSIGNED-PAYLOAD-TRAILER (CVE-2026-41145)",
        "Whoever has seen one signed URL can write under any key. Only confirm notices.",
        "update the store to a build with the fix, or let a proxy refuse requests with x-amz-content-sha256: STREAMING-*",
      )
    : report.passed(`an upload with a forged signature is refused (${told})`);
});
