import { createHmac } from "node:crypto";
import type { MakeSigner } from "./make-signer.ts";

/** "Use signed URLs" and "Use signed cookies", Cloud CDN documentation. */
export const make: MakeSigner = async (keyId, key) => {
  const secret = Buffer.from(key, "base64url");
  const signed = (text: string, between: string) =>
    `${text}${between}Signature=${encoded(createHmac("sha1", secret).update(text).digest())}`;
  return {
    sign: (url, end) =>
      signed(`${url}${url.includes("?") ? "&" : "?"}Expires=${end}&KeyName=${keyId}`, "&"),
    cookies: (prefix, end) => {
      const policy = `URLPrefix=${encoded(Buffer.from(prefix))}:Expires=${end}:KeyName=${keyId}`;
      return { "Cloud-CDN-Cookie": signed(policy, ":") };
    },
  };
};

/** Encodes in base64url with its padding, which that of Node leaves out. */
const encoded = (bytes: Buffer) =>
  bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
