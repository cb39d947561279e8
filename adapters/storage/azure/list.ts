import type { ListedObject } from "../../../application/ports/object-store.ts";
import { readPage } from "../rest/page.ts";
import { element, escape, textIn, unescape } from "../rest/xml.ts";
import { type AzureContainer, refuse } from "./container.ts";

/**
 * Reads a page of "List Blobs", Azure Storage documentation. It continues after the previous page's
 * marker, which follows the prefix in `next` and `after`.
 */
export const listBlobs = (
  container: AzureContainer,
  query: {
    readonly prefix: string;
    readonly after?: string | undefined;
    readonly limit?: number;
    readonly include?: string;
  },
) => {
  const { prefix, after, limit = MOST_BLOBS, include } = query;
  return readPage<ListedObject, string>(container.bucket, {
    query: [
      ["restype", "container"],
      ["comp", "list"],
      ["prefix", prefix],
      ["maxresults", String(limit)],
      ...(include === undefined ? [] : [["include", include] as const]),
      ...(after === undefined ? [] : [["marker", after.slice(prefix.length)] as const]),
    ],
    rewrite: readable,
    roots: ["EnumerationResults"],
    items: ["Blob"],
    members: ["Name", "Content-Length", "Etag", "Last-Modified"],
    read: ([key, size, etag = "", modified = ""], now) => ({
      key,
      size: Number(size),
      // A list has no quotes around ETags.
      etag: `"${etag}"`,
      age: now - Date.parse(modified),
      storedAt: Date.parse(modified),
    }),
    isIn: ({ key }) => key.startsWith(prefix),
    next: (text) => {
      const marker = unescape(textIn(text, "NextMarker") ?? "");
      if (marker === "") return undefined;
      const next = `${prefix}${marker}`;
      // A repeated marker would never end.
      return next === after ? "" : next;
    },
    otherwise: (answer) => refuse(container, answer),
  });
};

const MOST_BLOBS = 1000;

/** Leaves out the directories of a hierarchical namespace, and reads names that XML cannot have. */
const readable = (text: string): string => {
  const [head = "", ...blobs] = text.split("<Blob>");
  const read = blobs.map((blob) =>
    blob.includes("<ResourceType>directory</ResourceType>")
      ? blob.slice(blob.indexOf(END) + END.length)
      : `<Blob>${blob.replace(/<Name Encoded="true">([^<]*)<\/Name>/, decodedName)}`,
  );
  return head + read.join("");
};

const END = "</Blob>";

/** An encoding that makes no sense stays, and then the page makes none. */
function decodedName(written: string, encoded: string): string {
  try {
    return element("Name", escape(decodeURIComponent(encoded)));
  } catch {
    return written;
  }
}
