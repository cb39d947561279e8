import type { MakeServer } from "./settings.ts";

/**
 * Cloudflare Images: "Transform via URL" of its documentation, by which alone this is written: no
 * test reaches Cloudflare. It has no signature, so that anybody can change the width of an address.
 */
export const make: MakeServer = ({ root }) => ({
  audience: "public",
  addressOf: ({ url }, width) =>
    `${root}/cdn-cgi/image/width=${width},fit=scale-down,format=auto/${url}`,
});
