import * as Option from "effect/Option";
import { createCipheriv, randomBytes, timingSafeEqual } from "node:crypto";
import type { TokenPurpose, Tokens } from "../../application/ports/tokens.ts";
import { type Hmac, hmacSha256 } from "../values/hmac.ts";
import { isGuessable } from "../settings/codecs.ts";

/** A key that seals tokens, and the id by which tokens name it. */
export interface TokenKey {
  readonly id: string;
  /** 32 bytes or more. */
  readonly secret: Uint8Array;
}

/**
 * Seals tokens of the form `v1.{key id}.{content}.{HMAC-SHA-256}`, the last two in base64url; `v2`
 * has encrypted content. The authenticated text begins with purpose and version, so that a token is
 * valid for one purpose only. The first key seals, and all keys open. Throws a `TypeError` for a
 * key that can be guessed.
 */
export function tokensOf(keys: readonly [TokenKey, ...Array<TokenKey>]): Tokens["Service"] {
  for (const { id, secret } of keys) {
    const weakness = findWeakness(secret);
    if (weakness !== undefined) throw new TypeError(`The token key ${id} ${weakness}`);
  }
  const byId = new Map(keys.map(({ id, secret }) => [id, hmacSha256(secret)]));
  const [{ id: first, secret }] = keys;
  const sealing = hmacSha256(secret);
  return {
    seal: (purpose, content, privacy) => {
      let version = "v1";
      let bytes = Buffer.from(content);
      if (privacy === "encrypted") {
        version = "v2";
        const iv = randomBytes(IV_BYTES);
        bytes = Buffer.concat([iv, crypt(sealing, iv, bytes)]);
      }
      const sealed = `${version}.${first}.${bytes.toString("base64url")}`;
      return `${sealed}.${macFor(sealing, purpose, sealed)}`;
    },
    open: (purpose, token) => {
      const [, sealed = "", version, id = "", content = "", mac = ""] = FORM.exec(token) ?? [];
      const key = byId.get(id);
      if (key === undefined) return Option.none();
      // Compared as text, so that only the canonical spelling is equal.
      const expected = macFor(key, purpose, sealed);
      if (!timingSafeEqual(Buffer.from(mac), Buffer.from(expected))) return Option.none();
      return Option.map(Option.fromUndefinedOr(canonicalBytes(content)), (bytes) =>
        (version === "v2"
          ? crypt(key, bytes.subarray(0, IV_BYTES), bytes.subarray(IV_BYTES))
          : bytes
        ).toString(),
      );
    },
  };
}

/** Returns the reason why a key is too weak: it is short, or was typed rather than generated. */
export function findWeakness(secret: Uint8Array): string | undefined {
  if (secret.length < 32) return "has fewer than 32 bytes";
  return isGuessable(secret) ? "is not random; make one with: openssl rand -base64 32" : undefined;
}

const FORM = /^((v[12])\.([a-z0-9-]{1,32})\.([A-Za-z0-9_-]+))\.([A-Za-z0-9_-]{43})$/;

const macFor = (hmac: Hmac, purpose: TokenPurpose, sealed: string): string =>
  hmac(`valetkey ${purpose}\n${sealed}`, "base64url");

function canonicalBytes(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}

const IV_BYTES = 16;

/** Encrypts with AES in counter mode, or decrypts; the token's HMAC authenticates. */
function crypt(hmac: Hmac, iv: Buffer, bytes: Buffer): Buffer {
  const key = Buffer.from(hmac("valetkey encryption"), "hex");
  return createCipheriv("aes-256-ctr", key, iv).update(bytes);
}
