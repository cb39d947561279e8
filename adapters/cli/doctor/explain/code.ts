import { type Answer, type Cause, cause } from "./cause.ts";

/** What the code of an answer means by itself. */
export function byCode({ code, status, message = "" }: Answer): ReadonlyArray<Cause> {
  const known = BY_CODE.get(code ?? "");
  if (known !== undefined) return [cause(...known)];
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

const BY_CODE: ReadonlyMap<string, readonly [what: string, mend: string]> = new Map([
  [
    "InvalidAccessKeyId",
    [
      "the store does not know the access key in the URL",
      "set a key that exists there; check STORAGE_ENDPOINT and STORAGE_PROVIDER",
    ],
  ],
  [
    "ExpiredToken",
    [
      "the temporary credentials that signed have ended",
      "ask for a new URL; check STORAGE_SESSION_TOKEN, or the role",
    ],
  ],
  [
    "InvalidToken",
    ["the session token in the URL is not valid", "check STORAGE_SESSION_TOKEN, or the role"],
  ],
  ["NoSuchBucket", ["there is no such bucket at this endpoint", "check STORAGE_BUCKET"]],
  ["NoSuchKey", ["nothing was uploaded under this key", "upload first, then open"]],
  [
    "PreconditionFailed",
    ["the file was written already, and the URL writes once", "ask for a new URL"],
  ],
  [
    "BadDigest",
    ["the bytes are not those of the checksum that was granted", "send the file that was measured"],
  ],
  [
    "XAmzContentChecksumMismatch",
    ["the bytes are not those of the checksum that was granted", "send the file that was measured"],
  ],
  [
    "MissingContentLength",
    ["the request did not say its length", "send a Blob, a File or a Buffer, and not a stream"],
  ],
  ["EntityTooLarge", ["the file is larger than the store takes in one PUT", "upload it in parts"]],
]);
