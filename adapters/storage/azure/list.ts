import * as Effect from "effect/Effect";
import { signedFetch, unavailable } from "../rest/signed-fetch.ts";
import { isWhole, textIn, textsIn, unescape } from "../rest/xml.ts";
import { type AzureContainer, refuse } from "./container.ts";

/**
 * A page of "List Blobs", Azure Storage documentation. It goes on after the marker of the page before,
 * which follows the prefix in `next` and `after`.
 */
export const listBlobs = Effect.fnUntraced(function* (
  container: AzureContainer,
  asked: {
    readonly prefix: string;
    readonly after?: string | undefined;
    readonly limit?: number;
    readonly include?: string;
  },
) {
  const { prefix, after, limit = MOST_BLOBS, include } = asked;
  const answer = yield* signedFetch(container.bucket, {
    method: "GET",
    query: [
      ["restype", "container"],
      ["comp", "list"],
      ["prefix", prefix],
      ["maxresults", String(limit)],
      ...(include === undefined ? [] : [["include", include] as const]),
      ...(after === undefined ? [] : [["marker", after.slice(prefix.length)] as const]),
    ],
  });
  const { ok, text, headers } = answer;
  if (!ok || !isWhole(text, "EnumerationResults")) return yield* refuse(container, answer);
  const now = Date.parse(headers.get("date") ?? "");
  const found = textsIn(text, "Blob").map((blob) => {
    const [key = "", etag = "", size = "", modified = ""] = MEMBERS.map((name) => {
      const member = textIn(blob, name);
      return member && unescape(member);
    });
    // A list has no quotes around it.
    const quoted = `"${etag}"`;
    return { key, etag: quoted, size: Number(size), age: now - Date.parse(modified) };
  });
  const marker = unescape(textIn(text, "NextMarker") ?? "");
  const next = marker === "" ? undefined : `${prefix}${marker}`;
  // It would be asked for ever.
  if (!found.every(({ key }) => key.startsWith(prefix)) || (next && next === after)) {
    return yield* SENSELESS;
  }
  return { found, ...(next !== undefined && { next }) };
});

const MOST_BLOBS = 1000;
const MEMBERS = ["Name", "Etag", "Content-Length", "Last-Modified"];

const SENSELESS = unavailable("the store's list of what it has makes no sense", "senseless");
