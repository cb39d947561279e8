import { createHmac, createVerify } from "node:crypto";

/** The keys of CDNs: the public key of CloudFront in PEM, the secret of Google in base64url. */
interface Keys {
  readonly cloudfront?: string;
  readonly google?: string;
}

/**
 * Returns true if a CDN would open a URL at a time, in seconds since 1970, by its query or by
 * cookies: what CloudFront and Google's Cloud CDN say that they check, and written without the
 * signers.
 */
export function opensAt(url: string, cookies: string, now: number, keys: Keys): boolean {
  const [, address = "", query = ""] = /^([^?]*)\??(.*)$/.exec(url) ?? [];
  const cookie = (name: string) => new RegExp(`(?:^|; )${name}=([^;]*)`).exec(cookies)?.[1];
  if (keys.google !== undefined) {
    const inUrl = /^(.*[?&]Expires=(\d+)&KeyName=[a-z-]+)&Signature=([\w=-]+)$/.exec(url);
    const [, text, end, signature] =
      inUrl ??
      /^(.*:Expires=(\d+):KeyName=[a-z-]+):Signature=([\w=-]+)$/.exec(
        cookie("Cloud-CDN-Cookie") ?? "",
      ) ??
      [];
    const prefix = /^URLPrefix=([\w=-]+):/.exec(text ?? "")?.[1];
    const isBelow =
      inUrl !== null || url.startsWith(Buffer.from(prefix ?? "", "base64url").toString() || "-");
    const mac = createHmac("sha1", Buffer.from(keys.google, "base64url"))
      .update(text ?? "")
      .digest();
    return now < Number(end) && isBelow && mac.equals(Buffer.from(signature ?? "", "base64url"));
  }
  const fields = new Map(query.split("&").map((pair) => pair.split("=", 2) as [string, string]));
  const rest = query.split("&").filter((pair) => !OF_SIGNATURE.has(pair.split("=", 1)[0] ?? ""));
  const resource = `${address}${rest.join("&") && `?${rest.join("&")}`}`;
  const end = fields.get("Expires");
  const policy =
    end === undefined
      ? unescaped(cookie("CloudFront-Policy")).toString()
      : `{"Statement":[{"Resource":"${resource}","Condition":{"DateLessThan":{"AWS:EpochTime":${end}}}}]}`;
  const signature = unescaped(fields.get("Signature") ?? cookie("CloudFront-Signature"));
  const isGenuine = createVerify("RSA-SHA1")
    .update(policy)
    .verify(keys.cloudfront ?? "", signature);
  if (!isGenuine) return false;
  const [statement] = JSON.parse(policy).Statement;
  const { Resource: allowed, Condition: condition } = statement;
  const isOf = allowed.endsWith("*")
    ? resource.startsWith(allowed.slice(0, -1))
    : resource === allowed;
  return isOf && now < condition.DateLessThan["AWS:EpochTime"];
}

const OF_SIGNATURE = new Set(["Expires", "Signature", "Key-Pair-Id"]);

/** CloudFront's base64, which has no characters that a URL cannot have. */
const unescaped = (text = "") =>
  Buffer.from(text.replaceAll("-", "+").replaceAll("_", "=").replaceAll("~", "/"), "base64");
