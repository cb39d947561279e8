import * as Effect from "effect/Effect";
import * as fc from "fast-check";
import { createHash, createHmac } from "node:crypto";
import { expect, it } from "vitest";
import { UNSIGNED_HEADERS } from "../../../adapters/contract/promises/unsigned-headers.ts";
import { putRequest } from "../../../adapters/contract/sending/uploads.ts";
import { forbiddenHeaders } from "../../../adapters/storage/s3/layer.ts";
import { PROVIDERS } from "../../../adapters/storage/s3/providers.ts";
import { AWS4_HMAC_SHA256 } from "../../../adapters/storage/signing/algorithms.ts";
import {
  type AbsentHeaders,
  canonicalQuery,
  signQuery,
} from "../../../adapters/storage/signing/sign-query.ts";
import type { Pair } from "../../../adapters/storage/signing/v4.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { PartNumber } from "../../../domain/multipart.ts";
import { s3Store } from "../../support/s3-store.ts";

// Signatures are verified here as MinIO and Ceph do it, by their sources (`extractSignedHeaders`,
// `get_v4_canonical_headers`); the real MinIO is asked by the contract.

const KEYS = { algorithm: AWS4_HMAC_SHA256, accessKey: "key", secretKey: "a-secret" };
const NOW = Date.UTC(2026, 10, 27, 12);

const sign = (headers: ReadonlyArray<Pair>, absent: AbsentHeaders | undefined) =>
  signQuery(KEYS, {
    method: "PUT",
    origin: "https://store.example.com",
    path: "/files/a.png",
    query: [["partNumber", "1"]],
    headers,
    absent,
    region: "us-east-1",
    now: NOW,
    expiresIn: 60,
  });

const hmac = (key: string | Buffer, text: string) =>
  createHmac("sha256", key).update(text).digest();

/** Whether the store would take the request with these headers. */
function isTaken(url: string, sent: ReadonlyMap<string, string>, { signedAs }: AbsentHeaders) {
  const { searchParams: query, pathname } = new URL(url);
  const names = query.get("X-Amz-SignedHeaders") ?? "";
  const headers = names.split(";").flatMap((name) => {
    const value = sent.get(name) ?? (signedAs === "parameters" ? query.get(name) : null);
    return value === null ? [] : [`${name}:${value}\n`];
  });
  if (signedAs === "parameters" && headers.length !== names.split(";").length) return false;
  const pairs = [...query].filter(([name]) => name !== "X-Amz-Signature");
  const canonical = `PUT\n${pathname}\n${canonicalQuery(pairs)}\n${headers.join("")}\n${names}\nUNSIGNED-PAYLOAD`;
  const scope = "20261127/us-east-1/s3/aws4_request";
  const key = ["20261127", "us-east-1", "s3", "aws4_request"].reduce<string | Buffer>(
    hmac,
    "AWS4a-secret",
  );
  const hash = createHash("sha256").update(canonical).digest("hex");
  const text = `AWS4-HMAC-SHA256\n20261127T120000Z\n${scope}\n${hash}`;
  return hmac(key, text).toString("hex") === query.get("X-Amz-Signature");
}

const HEADERS: ReadonlyArray<Pair> = [
  ["content-length", "5"],
  ["content-type", "image/png"],
  ["host", "store.example.com"],
];
const MINIO = forbiddenHeaders(PROVIDERS.minio, true) ?? PROVIDERS.minio.absent;

it.each([
  ["MinIO", MINIO],
  ["Ceph", PROVIDERS.ceph.absent],
] as const)(
  "%s takes a PUT as it was granted, and none with a header that is forbidden",
  (_, absent) => {
    fc.assert(
      fc.property(
        fc.constantFrom(...absent.names),
        fc.string({ unit: "grapheme-ascii", minLength: 1 }),
        (name, value) => {
          const url = sign(HEADERS, absent);
          expect(isTaken(url, new Map(HEADERS), absent)).toBe(true);
          expect(isTaken(url, new Map([...HEADERS, [name, value]]), absent)).toBe(false);
        },
      ),
    );
  },
);

it("Ceph is forbidden every header by which others may get at a file", () => {
  const names = UNSIGNED_HEADERS["lets others read the file"].flatMap((row) => Object.keys(row));
  const amazons = names.filter((name) => name.startsWith("x-amz-"));
  expect(PROVIDERS.ceph.absent.names).toEqual(expect.arrayContaining(amazons));
});

it.each(["put", "part"] as const)(
  "a %s to MinIO forbids every header of its list",
  async (call) => {
    const layer = s3Store("http://127.0.0.1:2");
    const part = { ...putRequest(), uploadId: "id", partNumber: PartNumber.make(1) };
    const sign = Presigner.use((presigner) => presigner[call]?.(part) ?? Effect.die("no parts"));
    const { url } = await Effect.runPromise(Effect.provide(sign, layer));
    const names = new URL(url).searchParams.get("X-Amz-SignedHeaders")?.split(";");
    expect(names).toEqual(expect.arrayContaining([...MINIO.names]));
  },
);
