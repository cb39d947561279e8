import { createHmac } from "node:crypto";
import type { MakeServer } from "./make-server.ts";

/**
 * thumbor: "Security" and "Usage" of its documentation. An address has no end: it works for as long
 * as its source, and then for as long as thumbor keeps the result.
 */
export const make: MakeServer = ({ root, key }) => ({
  audience: "internal",
  addressOf: ({ source, width }) => {
    const path = `${width}x0/filters:no_upscale()/${encodeURIComponent(source)}`;
    const digest = createHmac("sha1", key).update(path).digest("base64");
    return `${root}/${digest.replaceAll("+", "-").replaceAll("/", "_")}/${path}`;
  },
});
