import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { createHmac, createSecretKey, hash } from "node:crypto";
import { signQuery } from "../../adapters/storage/signing/sign-query.ts";
import { AWS4_HMAC_SHA256 } from "../../adapters/storage/signing/algorithms.ts";
import { compare, rateOf } from "./rounds.ts";

const keys = {
  algorithm: AWS4_HMAC_SHA256,
  accessKey: "AKIAIOSFODNN7EXAMPLE",
  secretKey: "not-a-real-secret-key",
};
const host = "files.s3.us-east-1.amazonaws.com";
const client = new S3Client({
  region: "us-east-1",
  requestChecksumCalculation: "WHEN_REQUIRED",
  credentials: { accessKeyId: keys.accessKey, secretAccessKey: keys.secretKey },
});
const bound = new Set(["content-length", "content-type"]);

let serial = 0;
const nextKey = () => `orgs/acme/files/2026/11/5007cd59-14b0-4a8f-9bfa-${++serial}.png`;

const native = () =>
  signQuery(keys, {
    method: "PUT",
    origin: `https://${host}`,
    path: `/${nextKey()}`,
    query: [],
    headers: [
      ["content-length", "123456"],
      ["content-type", "image/png"],
      ["host", host],
    ],
    region: "us-east-1",
    now: Date.now(),
    expiresIn: 900,
  });

const official = () =>
  getSignedUrl(
    client,
    new PutObjectCommand({
      Bucket: "files",
      Key: nextKey(),
      ContentType: "image/png",
      ContentLength: 123_456,
    }),
    { expiresIn: 900, signableHeaders: bound, unhoistableHeaders: bound },
  );

// What no signer can leave out: the hash of a canonical request and the HMAC of a string to sign,
// both as long as ours and new each time.
const signingKey = createSecretKey(Buffer.alloc(32, 1));
const [url = "", query = ""] = native().split("?");
const canonical = `PUT\n${url}\n${query}\nhost:${host}\n`;
const bareHashes = () => {
  const digest = hash("sha256", `${canonical}${++serial}`, "hex");
  return createHmac("sha256", signingKey)
    .update(`AWS4-HMAC-SHA256\n20261124T000000Z\n20261124/us-east-1/s3/aws4_request\n${digest}`)
    .digest("hex");
};

/** Presigned PUT URLs a second. */
export const benchSigning = () =>
  compare(
    "Signing a PUT",
    [
      { name: "native signer", run: rateOf(400, native) },
      { name: "bare hash calls", run: rateOf(400, bareHashes) },
      { name: "@aws-sdk/s3-request-presigner", run: rateOf(400, official) },
    ],
    9,
  );
