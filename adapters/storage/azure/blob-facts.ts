import type { ObjectFacts } from "../../../application/ports/object-store.ts";
import { timesIn } from "../rest/object-facts.ts";
import { ANNOUNCEMENT, NAMES } from "./binding.ts";

/**
 * Headers that are never granted: they change a download, move or lock the blob, or show another
 * way in which it was made.
 */
const EXTRA =
  /^(?:cache-control|content-(?:disposition|encoding|language)|x-ms-(?:access-tier|archive-status|blob-sealed|encryption-(?:key-sha256|scope)|expiry-time|immutability-policy-[a-z-]+|legal-hold|meta-.+|rehydrate-priority|smart-access-tier|tag-count))$/;

const NOT_SET: ReadonlySet<string> = new Set(["", "false", "0"]);

/** Returns the facts in an answer to "Get Blob Properties"; undefined if not from the store. */
export function factsIn(headers: Headers): ObjectFacts | undefined {
  const length = headers.get("content-length") ?? "";
  const etag = headers.get("etag");
  if (!/^\d+$/.test(length) || etag === null) return undefined;
  const isInferred = headers.get("x-ms-access-tier-inferred") === "true";
  const isArchived = headers.get("x-ms-access-tier") === "Archive";
  const type = headers.get("x-ms-blob-type");
  const extras = [...headers].filter(
    ([name, value]) =>
      EXTRA.test(name) &&
      name !== ANNOUNCEMENT &&
      name !== NAMES &&
      !NOT_SET.has(value) &&
      !(isInferred && name === "x-ms-access-tier"),
  );
  if (type !== "BlockBlob") extras.push(["x-ms-blob-type", type ?? ""]);
  if (headers.get("x-ms-lease-status") === "locked") extras.push(["x-ms-lease-status", "locked"]);
  const md5 = headers.get("content-md5");
  return {
    size: Number(length),
    contentType: headers.get("content-type") ?? "",
    etag,
    checksums: md5 === null ? {} : { md5 },
    isReplayable: true,
    extraHeaders: Object.fromEntries(extras),
    ...(isArchived && { unreadableBy: "x-ms-access-tier" }),
    announcement: headers.get(ANNOUNCEMENT) ?? undefined,
    names: headers.get(NAMES) ?? undefined,
    // No PUT replaces a blob, so no version needs to be named.
    version: undefined,
    ...timesIn(headers),
  };
}
