import { reasonOfRefusal } from "../../../storage/rest/refusal-reason.ts";
import { type Answer, type Cause, cause } from "./cause.ts";

/** What the code of an answer means by itself. */
export function byCode({ code, status, message = "" }: Answer): ReadonlyArray<Cause> {
  const known = BY_CODE.get(code ?? "");
  if (known !== undefined) return [cause(...known)];
  if (OF_SETTINGS.has(code ?? "")) {
    const reason = reasonOfRefusal({ bucket: "in the URL" }, { code });
    const [what = reason, ...mend] = reason.split("; ");
    return [cause(what, mend.join("; "))];
  }
  if (code === "AccessDenied" && !/expired|not valid yet|not signed/i.test(message)) {
    return [
      cause(
        "the store verified the signature, and the key may not do this",
        "give the key what `valetkey policy` prints; a GET of a missing object is refused too, to a key that may not list",
      ),
    ];
  }
  if (code === undefined && status !== undefined && status >= 400) {
    return [
      cause(
        `the answer ${status} has no code of a store, so something in front of it answered`,
        "look at the log of the proxy or firewall between client and store",
      ),
    ];
  }
  return [];
}

/** Codes of which the service itself says what is wrong, and which setting mends it. */
const OF_SETTINGS: ReadonlySet<string> = new Set([
  "InvalidAccessKeyId",
  "ExpiredToken",
  "InvalidToken",
  "NoSuchBucket",
]);

const OTHER_BYTES = [
  "the bytes are not those of the checksum that was granted",
  "send the file that was measured",
] as const;

const BY_CODE: ReadonlyMap<string, readonly [what: string, mend: string]> = new Map<
  string,
  readonly [string, string]
>([
  ["NoSuchKey", ["nothing was uploaded under this key", "upload first, then open"]],
  [
    "PreconditionFailed",
    ["the file was written already, and the URL writes once", "ask for a new URL"],
  ],
  ["BadDigest", OTHER_BYTES],
  ["XAmzContentChecksumMismatch", OTHER_BYTES],
  [
    "MissingContentLength",
    ["the request did not say its length", "send a Blob, a File or a Buffer, and not a stream"],
  ],
  ["EntityTooLarge", ["the file is larger than the store takes in one PUT", "upload it in parts"]],
]);
