import { randomBytes } from "node:crypto";
import { element, escape, isWhole, textIn, textsIn, unescape } from "../rest/xml.ts";

// The names of a blob's blocks have one length. Those of one upload have one prefix.

const PREFIX_BYTES = 15;
const DIGITS = 6;

/** Makes the prefix of block names, with the type, which Azure takes at the commit. */
export const newUploadId = (contentType: string): string =>
  `${randomBytes(PREFIX_BYTES).toString("hex")}${contentType}`;

const prefixIn = (uploadId: string) => uploadId.slice(0, 2 * PREFIX_BYTES);

export const mediaTypeIn = (uploadId: string): string => uploadId.slice(2 * PREFIX_BYTES);

export const blockId = (uploadId: string, number: number): string =>
  btoa(`${prefixIn(uploadId)}${String(number).padStart(DIGITS, "0")}`);

/** A block that is never committed: it exists until the upload has ended. */
export const MARKER = 0;

/** Returns the uncommitted blocks of an upload; undefined if the answer does not say. */
export function blocksIn(text: string, uploadId: string) {
  if (!isWhole(text, "BlockList")) return undefined;
  return textsIn(text, "Block").flatMap((block) => {
    const id = unescape(textIn(block, "Name") ?? "");
    const name = Buffer.from(id, "base64").toString("latin1");
    const [, number] = name.startsWith(prefixIn(uploadId)) ? (NAME.exec(name) ?? []) : [];
    const size = Number(textIn(block, "Size"));
    return number === undefined ? [] : [{ partNumber: Number(number), size, etag: id }];
  });
}

const NAME = new RegExp(`^.{${2 * PREFIX_BYTES}}(\\d{${DIGITS}})$`, "s");

export const blockList = (ids: ReadonlyArray<string>): string =>
  `<?xml version="1.0" encoding="utf-8"?>${element(
    "BlockList",
    ids.map((id) => element("Uncommitted", escape(id))).join(""),
  )}`;
