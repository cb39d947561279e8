import type { MakeServer } from "./make-server.ts";

/**
 * Cloudflare Images: "Transform via URL" of its documentation, by which alone this is written: no
 * test reaches Cloudflare. It has no signature for such addresses, so that whoever has one can ask
 * for other widths; the source is signed by the store. Cloudflare is on no private network.
 */
export const make: MakeServer = ({ root }) => ({
  audience: "public",
  addressOf: ({ source, width }) =>
    `${root}/cdn-cgi/image/width=${width},fit=scale-down,format=auto/${source}`,
});
