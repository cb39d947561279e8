import type { Answer } from "../../storage/contract/send.ts";
import { reasonOfRefusal, refusalIn } from "../../storage/rest/refusal-reason.ts";
import type { KeyName } from "./key-names.ts";

/** What a store answered, in a few words. */
export function told({ status, body }: Pick<Answer, "status" | "body">): string {
  const { code } = refusalIn({ status, text: body.toString() });
  return code === undefined ? `${status}` : `${status} ${code}`;
}

/** A request that a store refused: what its key is for, and where that is configured. */
export interface Refused {
  readonly use: "service" | "put" | "get";
  readonly name: KeyName;
  readonly bucket: string;
}

/** Why a store refused a request, in words that name the settings of the key that signed. */
export function refusalOf(
  { status, body }: Pick<Answer, "status" | "body">,
  { use, name, bucket }: Refused,
): string {
  const refusal = refusalIn({ status, text: body.toString() });
  if (refusal.code === "AccessDenied" && use !== "service") {
    return `the key may not ${use} (AccessDenied: ${refusal.message ?? ""})`;
  }
  return reasonOfRefusal({ bucket }, refusal)
    .replaceAll("STORAGE_ACCESS_KEY", name.from)
    .replaceAll("STORAGE_SECRET_KEY", name.secret)
    .replaceAll("STORAGE_SESSION_TOKEN", name.token);
}

/** What mends a refusal. */
export function mendOf(
  { status, body }: Pick<Answer, "status" | "body">,
  { use, name }: Refused,
): string {
  const { code = "" } = refusalIn({ status, text: body.toString() });
  if (code === "AccessDenied") {
    return `allow the key ${WORK[use]} what \`valetkey policy ${use}\` prints; or correct STORAGE_BUCKET, if that is the bucket of others`;
  }
  if (KEY_REFUSED.has(code)) return name.mend;
  if (TOKEN_REFUSED.has(code)) {
    return `set ${name.token} to the token that came with the key, or make new ones: both end together`;
  }
  if (/quota/i.test(code)) return "raise the quota of the bucket, or remove what nobody needs";
  return (
    MENDS.get(code) ??
    (code === ""
      ? "look at what stands in front of the store, and at its log: this answer is not a store's"
      : status >= 500
        ? "look at the log of the store: it has its own reason, such as a full disk"
        : `look up ${code} in what the store's maker says, and look at its log`)
  );
}

const WORK = { service: "of the service", put: "for uploads", get: "for downloads" } as const;

const KEY_REFUSED: ReadonlySet<string> = new Set([
  "InvalidAccessKeyId",
  "InvalidAccessKey",
  "SignatureDoesNotMatch",
]);

const TOKEN_REFUSED: ReadonlySet<string> = new Set([
  "InvalidToken",
  "InvalidTokenId",
  "ExpiredToken",
]);

const MENDS: ReadonlyMap<string, string> = new Map([
  [
    "NoSuchBucket",
    "create the bucket, or correct STORAGE_BUCKET; STORAGE_CREATE_BUCKET=on makes it when the service starts",
  ],
  [
    "MissingContentLength",
    "let the proxy pass Content-Length on, and not send bodies in chunks: nginx: proxy_request_buffering on",
  ],
]);

/** Whether the store knows the key no longer, whatever it may do. */
export const isKeyRefused = ({ status, body }: Pick<Answer, "status" | "body">): boolean => {
  const { code = "" } = refusalIn({ status, text: body.toString() });
  return KEY_REFUSED.has(code) || TOKEN_REFUSED.has(code);
};

/** The headers that were not signed, where the answer names them: Amazon does, MinIO does not. */
export const headersNotSigned = (text: string): string | undefined =>
  /<HeadersNotSigned>([\w-,; ]{1,200})</.exec(text)?.[1];

/** The region of the bucket, where the answer names it. */
export const regionNamed = (text: string): string | undefined =>
  /<Region>([a-z0-9-]{1,64})</.exec(text)?.[1] ??
  /expecting (?:&#39;|')([a-z0-9-]{1,64})/.exec(text)?.[1];
