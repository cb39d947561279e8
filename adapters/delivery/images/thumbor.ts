import { createHmac } from "node:crypto";
import type { MakeServer } from "./settings.ts";

/** thumbor: "Security" and "Usage" of its documentation. It may keep a picture past its source. */
export const make: MakeServer = ({ root, key }) => ({
  audience: "internal",
  addressOf: ({ url }, width) => {
    const path = `${width}x0/filters:no_upscale()/${encodeURIComponent(url)}`;
    const digest = createHmac("sha1", key).update(path).digest("base64");
    return `${root}/${digest.replaceAll("+", "-").replaceAll("/", "_")}/${path}`;
  },
});
