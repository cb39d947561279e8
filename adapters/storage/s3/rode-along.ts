import * as Effect from "effect/Effect";
import type { ObjectFacts } from "../../../application/ports/object-store.ts";
import type { ChecksumAlgorithm } from "../../../domain/checksum.ts";
import { ObjectUnreadable } from "../../../domain/errors.ts";
import type { ObjectKey } from "../../../domain/storage-key.ts";
import type { Provider } from "./providers.ts";
import { versionQuery } from "../signing/binding.ts";
import { factsIn } from "../rest/object-facts.ts";
import { type Bucket, signedFetch, unavailable } from "../rest/signed-fetch.ts";
import { element, isWhole, textIn, textsIn, unescape } from "../rest/xml.ts";

interface StoredObject {
  readonly bucket: Bucket;
  readonly key: ObjectKey;
  readonly version?: string | undefined;
}

/** An object, the checksums that the store reports, and its treatment of unsigned headers. */
interface LookedAt extends StoredObject, Pick<Provider, "unsigned"> {
  readonly reports: ReadonlyArray<ChecksumAlgorithm>;
}

/**
 * Returns the facts in the headers of an answer to `HEAD`; undefined if the answer is not from a
 * store. At a store that obeys unsigned headers, it also looks for a lock that is not the bucket's
 * default, and for other readers in the ACL.
 */
export const factsFromHead = Effect.fnUntraced(function* (newest: LookedAt, headers: Headers) {
  const { reports, unsigned } = newest;
  const reported = factsIn(headers, reports);
  if (reported === undefined) return undefined;
  // Every server obeys unsigned headers of other specifications, such as `Content-Encoding`.
  const object = { ...newest, version: reported.version };
  const facts: ObjectFacts = { ...reported, isReplayable: true };
  if (unsigned === "refused") return facts;
  const added = CHOSEN_BY_CLIENTS.filter(([name, value]) => headers.get(name) === value);
  if (
    headers.has(LOCK_MODE) &&
    !(yield* ask(object, "object-lock")).includes("<DefaultRetention>")
  ) {
    added.push(...[...headers].filter(([name]) => LOCK.has(name)));
  }
  if (unsigned === "obeyed, with ACLs") {
    const readers = readersIn(yield* ask(object, "acl"));
    if (readers !== "") added.push(["x-amz-acl", readers]);
  }
  return { ...facts, extraHeaders: { ...facts.extraHeaders, ...Object.fromEntries(added) } };
});

/** Values that are never a bucket's default: MinIO's other storage class, and a legal hold. */
const CHOSEN_BY_CLIENTS: ReadonlyArray<readonly [string, string]> = [
  ["x-amz-storage-class", "REDUCED_REDUNDANCY"],
  ["x-amz-object-lock-legal-hold", "ON"],
];

const LOCK_MODE = "x-amz-object-lock-mode";
const LOCK = new Set([LOCK_MODE, "x-amz-object-lock-retain-until-date"]);

/** "Malware Protection for S3", Amazon GuardDuty User Guide. */
const SCAN_TAG = element("Key", "GuardDutyMalwareScanStatus");

export const scanTag = (object: StoredObject) =>
  Effect.map(ask(object, "tagging"), (xml) => {
    const tag = textsIn(xml, "Tag").find((tag) => tag.includes(SCAN_TAG));
    return tag === undefined ? undefined : unescape(textIn(tag, "Value") ?? "");
  });

/**
 * Returns false if the ACL leaves out the owner: a client that grants others something withdraws
 * what it does not also grant.
 */
const ownerMayRead = (acl: string): boolean =>
  textsIn(acl, "Grant").some(
    (grant) =>
      idIn(grant) === idIn(textIn(acl, "Owner")) &&
      ["READ", "FULL_CONTROL"].includes(textIn(grant, "Permission") ?? ""),
  );

const readersIn = (acl: string): string =>
  textsIn(acl, "Grant")
    .map(idIn)
    .filter((id) => id !== idIn(textIn(acl, "Owner")))
    .join(", ");

const idIn = (xml = "") => textIn(xml, "ID") ?? textIn(xml, "URI") ?? "";

/**
 * Fails if an answer of 400 or 403 to `HEAD` means an unreadable object: a client's key may encrypt
 * it, or its ACL may leave out the owner.
 */
export const failIfUnreadable = Effect.fnUntraced(function* (object: LookedAt, status: number) {
  const { bucket, key, unsigned } = object;
  if (unsigned === "refused") return;
  if (status === 403) {
    if (unsigned === "obeyed") return;
    const acl = yield* Effect.orElseSucceed(ask(object, "acl"), () => "");
    if (acl === "" || ownerMayRead(acl)) return;
    return yield* new ObjectUnreadable({ header: "x-amz-acl" });
  }
  const headers = [["range", "bytes=0-0"]] as const;
  const answer = yield* signedFetch(bucket, { method: "GET", key, headers });
  // MinIO and Ceph have different codes.
  const isAboutRequest = /<Code>Invalid(?:Request|Argument)</.test(answer.text);
  if (answer.status === 400 && isAboutRequest && /encrypt|SSE/i.test(answer.text)) {
    return yield* new ObjectUnreadable({
      header: "x-amz-server-side-encryption-customer-algorithm",
    });
  }
});

/** Reads an aspect of an object; empty if the store does not offer it. */
const ask = Effect.fnUntraced(function* (
  { bucket, key, version }: StoredObject,
  what: keyof typeof ASPECTS,
) {
  const [root, permissions] = ASPECTS[what];
  const isOfKey = what !== "object-lock";
  const { ok, status, text } = yield* signedFetch(bucket, {
    method: "GET",
    ...(isOfKey && { key }),
    query: [[what, ""], ...(isOfKey ? versionQuery(version) : [])],
  });
  if (ok && isWhole(text, root)) return text;
  // A server without ACLs may answer with the object.
  const isObject = ok && what === "acl" && !text.includes(`<${root}`);
  if (isObject || NOT_OFFERED.has(status)) return "";
  return yield* unavailable(
    status === 403
      ? `the key may not read the ${what} of an object; allow it ${permissions}`
      : `the store answered the request for the ${what} of an object with ${status}${ok ? ", and not as a store does" : ""}`,
    status < 400 ? "senseless" : "refused",
  );
});

/** The root of each answer; the permissions for the newest version, and for a named one. */
const ASPECTS = {
  "object-lock": ["ObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration"],
  tagging: ["Tagging", "s3:GetObjectTagging and s3:GetObjectVersionTagging"],
  acl: ["AccessControlPolicy", "s3:GetObjectAcl and s3:GetObjectVersionAcl"],
} as const;

/** Not found, method not allowed, not implemented. */
const NOT_OFFERED: ReadonlySet<number> = new Set([404, 405, 501]);
