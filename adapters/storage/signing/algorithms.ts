import { createHmac, type KeyObject, sign } from "node:crypto";
import { hmacSha256 } from "../../values/hmac.ts";
import type { Algorithm } from "./v4.ts";

/** The algorithm of AWS, and of every store that speaks its API; its secret is text. */
export const AWS4_HMAC_SHA256: Algorithm<string> = hmacChain("AWS4", "X-Amz-", "s3");

/** The same for another service of AWS's, such as `sts`. */
export const aws4For = (service: string): Algorithm<string> => hmacChain("AWS4", "X-Amz-", service);

/** The algorithm of Cloud Storage for the HMAC keys of its interoperable API. */
export const GOOG4_HMAC_SHA256: Algorithm<string> = hmacChain("GOOG4", "X-Goog-", "storage");

/** The algorithm of Cloud Storage for service accounts: RSASSA-PKCS1-v1_5 with a private key. */
export const GOOG4_RSA_SHA256: Algorithm<KeyObject> = {
  name: "GOOG4-RSA-SHA256",
  prefix: "X-Goog-",
  scope: GOOG4_HMAC_SHA256.scope,
  signer: (privateKey) => (text) => sign("sha256", Buffer.from(text), privateKey).toString("hex"),
};

/** Derives the signing key by a chain of HMACs over the secret and each part of the scope. */
function hmacChain(
  scheme: "AWS4" | "GOOG4",
  prefix: Algorithm<string>["prefix"],
  service: string,
): Algorithm<string> {
  const terminator = `${scheme.toLowerCase()}_request`;
  return {
    name: `${scheme}-HMAC-SHA256`,
    prefix,
    scope: (day, region) => `${day}/${region}/${service}/${terminator}`,
    signer: (secret, day, region) => {
      let key = Buffer.from(scheme + secret);
      for (const part of [day, region, service, terminator]) {
        key = createHmac("sha256", key).update(part).digest();
      }
      return hmacSha256(key);
    },
  };
}
