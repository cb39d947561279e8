import type { ProviderName } from "../../adapters/storage/providers.ts";

/** What a store does not keep although it is offered there. */
export interface Danger {
  /** Promises that its certificate has under "Not kept", in its order. */
  readonly promises: ReadonlyArray<string>;
  /** Markdown that its page begins with: the danger first, then what closes it. */
  readonly text: string;
}

/** The dangers that `npm run generate -- certificates` puts in front of a certificate, of each store with some. */
export const DANGERS: Readonly<Partial<Record<ProviderName, Danger>>> = {
  swift: {
    promises: [
      "by default, a PUT that says its length and comes in chunks has no other size",
      "under strict, a PUT that says its length and comes in chunks has no other size",
      "no unsigned header stores other bytes, unseen by confirm",
      "no unsigned header removes the file, or changes what a rule or confirm knows it by, unseen by confirm",
    ],
    text: `**Whoever has an upload URL can read every object that its key can read**, of any bucket and organization: a \`PUT\` as granted with the unsigned header \`x_amz_copy_source: /bucket/key\` becomes a copy, since Swift takes \`_\` for \`-\` and then asks for no signature. \`confirm\` cannot tell if size and type are those of the grant. A key for uploads that may only write closes it: \`swift post CONTAINER --write-acl PROJECT:USER\`, and \`STORAGE_PUT_ACCESS_KEY\` names that user. Without one the service does not start. (Tried: 403 for this user, under every spelling.)

**Whoever has an upload URL can make Swift remove the file after it is confirmed**, by an unsigned \`X-Delete-At\` or \`X-Delete-After\` with the upload. Swift's S3 API does not show the time to \`confirm\`, which therefore cannot refuse it.

**An upload URL stores a body of any size**, up to the \`max_file_size\` of Swift, if it comes in chunks with the granted \`Content-Length\` beside it. \`confirm\` refuses the file with 409 \`UPLOAD_MISMATCH\`, but what is never confirmed stays and fills the store.

A reverse proxy in front of Swift closes all three: it passes on a list of headers and no others, of \`x-amz-*\` only what the URL binds, and no \`Content-Length\` beside chunks. \`deploy/compose/store.caddy\` does it. Behind it, with nothing else that leads to Swift, all promises below that are not kept were kept: \`certify\` at that address, with \`STORAGE_BUCKET\`, says so of yours.`,
  },
};
