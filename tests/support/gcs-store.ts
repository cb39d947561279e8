import * as Result from "effect/Result";
import { generateKeyPairSync } from "node:crypto";
import { type GcsKey, hmacKey } from "../../adapters/storage/gcs/credentials.ts";
import type { GcsSettings } from "../../adapters/storage/gcs/settings.ts";

import { GOOG4_RSA_SHA256 } from "../../adapters/storage/signing/algorithms.ts";
import { signWith } from "../../adapters/storage/signing/signer.ts";

/** Settings of the bucket `files` of a server of Cloud Storage's API, without a key. */
export const gcsSettings = (
  endpoint: URL | string,
  over: Partial<GcsSettings> = {},
): GcsSettings => ({
  bucket: "files",
  createBucket: false,
  endpoint: new URL(endpoint),
  pathStyle: true,
  iamEndpoint: new URL("http://127.0.0.1:9"),
  ...over,
});

export const HMAC = { accessKey: "GOOG1TESTTESTTEST", secretKey: "a-secret-of-the-tests" };
export const HMAC_KEY: GcsKey = Result.getOrThrow(hmacKey(HMAC));
/** What the double verifies its signatures with. */
export const BY_HMAC = { rsa: new Map(), hmac: new Map([[HMAC.accessKey, HMAC.secretKey]]) };

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ACCOUNT = "signer@project.iam.gserviceaccount.com";
export const RSA_KEY: GcsKey = {
  signer: signWith({ algorithm: GOOG4_RSA_SHA256, accessKey: ACCOUNT, secretKey: privateKey }),
  project: "project",
};
export const RSA_PUBLIC = [ACCOUNT, publicKey] as const;
