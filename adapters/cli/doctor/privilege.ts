import zlib from "node:zlib";
import type { ObjectKey } from "../../../domain/storage-key.ts";
import { check, withWrongSignature } from "./doctor.ts";

export const OWN_KEY =
  "give uploads a key of their own (STORAGE_PUT_ACCESS_KEY, STORAGE_PUT_SECRET_KEY), which may do what `valetkey policy put` prints";

/** Tries what the key for uploads may do beyond a PUT. */
export const privilege = check("least privilege", function* (doctor, report, stored: ObjectKey) {
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

/** CVE-2026-41145: a MinIO that does not verify the signature of such an upload. */
export const forgedUpload = check("forged upload", function* (doctor, report) {
  const { url } = yield* doctor.signPut();
  const crc32 = Buffer.alloc(4);
  crc32.writeUInt32BE(zlib.crc32("forged"));
  const forged = withWrongSignature(url).replace(/(X-Amz-SignedHeaders=)[^&]+/, "$1host");
  const { ok, summary } = yield* doctor.send("PUT", forged, {
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
    : report.passed(`an upload with a forged signature is refused (${summary})`);
});
