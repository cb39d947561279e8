import { PutObjectCommand, S3Client as AwsS3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import { AwsClient } from "aws4fetch";
import { S3Client as LeanS3Client } from "lean-s3";
import * as Effect from "effect/Effect";
import { Client as MinioClient } from "minio";
import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { createHmac, createSecretKey, generateKeyPairSync, hash, sign } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { clientSigner } from "../../adapters/storage/azure/sas.ts";
import { AWS4_HMAC_SHA256, GOOG4_RSA_SHA256 } from "../../adapters/storage/signing/algorithms.ts";
import { signQuery } from "../../adapters/storage/signing/sign-query.ts";
import {
  BARE_HASHES,
  BARE_RSA,
  DELEGATED,
  NATIVE,
  OFFICIAL_DELEGATED,
  OFFICIAL_SAS,
  PACKAGE,
  RSA,
  SAS,
} from "./goals.ts";
import { type Choice, type Comparison, type Contender, costOf } from "./rounds.ts";

const accessKeyId = "AKIAIOSFODNN7EXAMPLE";
const secretAccessKey = "not-a-real-secret-key";
const region = "us-east-1";
const host = "files.s3.us-east-1.amazonaws.com";

let serial = 0;
const nextKey = () => `orgs/acme/files/2026/11/5007cd59-14b0-4a8f-9bfa-${++serial}.png`;

const asked = () => ({
  method: "PUT",
  origin: `https://${host}`,
  path: `/${nextKey()}`,
  query: [],
  headers: [
    ["content-length", "123456"],
    ["content-type", "image/png"],
    ["host", host],
  ] as const,
  region,
  now: Date.now(),
  expiresIn: 900,
});

const keys = {
  algorithm: AWS4_HMAC_SHA256,
  accessKey: accessKeyId,
  secretKey: secretAccessKey,
};
const native = () => signQuery(keys, asked());

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

const lean = new LeanS3Client({
  endpoint: "https://s3.us-east-1.amazonaws.com",
  accessKeyId,
  secretAccessKey,
  region,
  bucket: "files",
});
const withLean = () =>
  lean.presign(nextKey(), { method: "PUT", expiresIn: 900, contentLength: 123_456 });

const aws4fetch = new AwsClient({ accessKeyId, secretAccessKey, service: "s3", region });
const withAws4fetch = () =>
  aws4fetch.sign(`https://${host}/${nextKey()}?X-Amz-Expires=900`, {
    method: "PUT",
    headers: { "Content-Type": "image/png", "Content-Length": "123456" },
    aws: { signQuery: true, allHeaders: true },
  });

const official = new MinioClient({
  endPoint: "s3.us-east-1.amazonaws.com",
  accessKey: accessKeyId,
  secretKey: secretAccessKey,
  region,
});
const withMinio = () => official.presignedPutObject("files", nextKey(), 900);

const aws = new AwsS3Client({
  region,
  requestChecksumCalculation: "WHEN_REQUIRED",
  credentials: { accessKeyId, secretAccessKey },
});
const bound = new Set(["content-length", "content-type"]);
const withAws = () =>
  getSignedUrl(
    aws,
    new PutObjectCommand({
      Bucket: "files",
      Key: nextKey(),
      ContentType: "image/png",
      ContentLength: 123_456,
    }),
    { expiresIn: 900, signableHeaders: bound, unhoistableHeaders: bound },
  );

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const rsaKeys = {
  algorithm: GOOG4_RSA_SHA256,
  accessKey: "uploads@example.iam.gserviceaccount.com",
  secretKey: privateKey,
};
const withRsa = () => signQuery(rsaKeys, asked());
const bareRsa = () => sign("sha256", Buffer.from(`GOOG4-RSA-SHA256\n${++serial}`), privateKey);

// At Azure: the right to create one blob; by delegation also what the header says of it.
const account = "valetkeybench";
const secret = Buffer.alloc(64, 1);
const delegation = {
  skoid: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
  sktid: "f81d4fae-7dec-11d0-a765-00a0c91e6bf7",
  skt: "2026-11-24T00:00:00Z",
  ske: "2026-11-30T00:00:00Z",
  sks: "b",
  skv: "2026-04-06",
};
const requestHeaders = { "x-ms-blob-content-type": "image/png", "x-ms-blob-type": "BlockBlob" };
const withKey = clientSigner({ account, secret });
const withDelegation = clientSigner({ account, secret, delegation });
const signedBlob = (signer: typeof withKey) => () =>
  Effect.runSync(
    signer.sign({
      ...asked(),
      origin: `https://${account}.blob.core.windows.net`,
      path: `/files/${nextKey()}`,
      headers: [["content-type", "image/png"], ["host", host], ...Object.entries(requestHeaders)],
    }),
  );
const created = () => ({
  containerName: "files",
  blobName: nextKey(),
  permissions: BlobSASPermissions.parse("c"),
  expiresOn: new Date(Date.now() + 900_000),
});
const sharedKey = new StorageSharedKeyCredential(account, secret.toString("base64"));
const officialSas = () =>
  `https://${account}.blob.core.windows.net/files/${nextKey()}?${generateBlobSASQueryParameters(created(), sharedKey)}`;
const delegationKey = {
  signedObjectId: delegation.skoid,
  signedTenantId: delegation.sktid,
  signedStartsOn: new Date(delegation.skt),
  signedExpiresOn: new Date(delegation.ske),
  signedService: delegation.sks,
  signedVersion: delegation.skv,
  value: secret.toString("base64"),
};
const officialDelegated = () => {
  const values = { ...created(), version: delegation.skv, requestHeaders };
  const sas = generateBlobSASQueryParameters(values, delegationKey, account);
  return `https://${account}.blob.core.windows.net/files/${values.blobName}?${sas}`;
};

/** CPU of one presigned PUT, and of a whole upload of the package. */
export async function signing({ isWanted, milliseconds }: Choice): Promise<Comparison> {
  const signers: Readonly<Record<string, () => unknown>> = {
    [NATIVE]: native,
    [BARE_HASHES]: bareHashes,
    "lean-s3 (no media type)": withLean,
    aws4fetch: withAws4fetch,
    "minio (host alone)": withMinio,
    "@aws-sdk/s3-request-presigner": withAws,
    [RSA]: withRsa,
    [BARE_RSA]: bareRsa,
    [SAS]: signedBlob(withKey),
    [OFFICIAL_SAS]: officialSas,
    [DELEGATED]: signedBlob(withDelegation),
    [OFFICIAL_DELEGATED]: officialDelegated,
  };
  const contenders: Array<Contender> = Object.entries(signers)
    .filter(([name]) => isWanted(name))
    .map(([name, signer]) => ({ name, run: costOf(milliseconds, signer) }));
  let child: ChildProcess | undefined;
  if (isWanted(PACKAGE)) {
    const program = new URL("package.ts", import.meta.url).pathname;
    const started = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
    contenders.push({ name: PACKAGE, run: askProgram(started, milliseconds) });
    child = started;
  }
  return {
    title: "Signing a PUT, and a whole upload of the package",
    contenders,
    references: [BARE_HASHES, NATIVE, BARE_RSA],
    missing: [],
    close: () => Promise.resolve(child?.kill()),
  };
}

/** Lets a program run that takes a time on a line and gives what one operation cost on a line. */
function askProgram(
  { stdin, stdout }: ChildProcessByStdio<Writable, Readable, null>,
  milliseconds: number,
): () => Promise<number> {
  const lines = createInterface(stdout);
  return async () => {
    stdin.write(`${milliseconds}\n`);
    const [line] = await once(lines, "line");
    return Number(line);
  };
}
