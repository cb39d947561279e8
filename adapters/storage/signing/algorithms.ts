import { createHmac, type KeyObject, sign } from "node:crypto";
import { hmacSha256 } from "../../crypto/hmac.ts";
import type { Algorithm } from "./v4.ts";

/** The algorithm of AWS, and of every store that speaks its API; its secret is text. */
export const AWS4_HMAC_SHA256: Algorithm<string> = hmacChain({
  name: "AWS4-HMAC-SHA256",
  prefix: "X-Amz-",
  beforeSecret: "AWS4",
  service: "s3",
  terminator: "aws4_request",
});

/** The algorithm of Cloud Storage for the HMAC keys of its interoperable API. */
export const GOOG4_HMAC_SHA256: Algorithm<string> = hmacChain({
  name: "GOOG4-HMAC-SHA256",
  prefix: "X-Goog-",
  beforeSecret: "GOOG4",
  service: "storage",
  terminator: "goog4_request",
});

/** The algorithm of Cloud Storage for service accounts: RSASSA-PKCS1-v1_5 with a private key. */
export const GOOG4_RSA_SHA256: Algorithm<KeyObject> = {
  name: "GOOG4-RSA-SHA256",
  prefix: "X-Goog-",
  scope: GOOG4_HMAC_SHA256.scope,
  signer: (privateKey) => (text) => sign("sha256", Buffer.from(text), privateKey).toString("hex"),
};

/**
 * A symmetric algorithm: a chain of HMACs over the secret and each part of the scope derives the
 * signing key of a day and region.
 */
function hmacChain(of: {
  readonly name: string;
  readonly prefix: Algorithm<string>["prefix"];
  readonly beforeSecret: string;
  readonly service: string;
  readonly terminator: string;
}): Algorithm<string> {
  const { name, prefix, beforeSecret, service, terminator } = of;
  return {
    name,
    prefix,
    scope: (day, region) => `${day}/${region}/${service}/${terminator}`,
    signer: (secret, day, region) => {
      let key = Buffer.from(beforeSecret + secret);
      for (const part of [day, region, service, terminator]) {
        key = createHmac("sha256", key).update(part).digest();
      }
      const hmac = hmacSha256(key);
      return (text) => hmac(text, "hex");
    },
  };
}
