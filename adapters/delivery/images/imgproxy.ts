import * as DateTime from "effect/DateTime";
import { createHmac } from "node:crypto";
import type { MakeServer } from "./settings.ts";

/** imgproxy: "Processing an image" of its documentation. An address ends with its source. */
export const make: MakeServer = ({ root, ...keys }) => ({
  audience: "internal",
  addressOf: ({ url, expiresAt }, width) => {
    const end = Math.floor(DateTime.toEpochMillis(expiresAt) / 1000);
    const path = `/exp:${end}/w:${width}/${Buffer.from(url).toString("base64url")}`;
    return `${root}/${sign(path, keys)}${path}`;
  },
});

/** Signs a path by a key and a salt in hexadecimal: "Signing a URL" of imgproxy's documentation. */
export const sign = (path: string, { key, salt }: Readonly<Record<"key" | "salt", string>>) =>
  createHmac("sha256", Buffer.from(key, "hex"))
    .update(Buffer.from(salt, "hex"))
    .update(path)
    .digest("base64url");
