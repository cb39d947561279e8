import type { Ability } from "../../application/ports/abilities.ts";
import type { ProviderName } from "../../adapters/storage/s3/providers.ts";

const PAGES = {
  "r2-api": "https://developers.cloudflare.com/r2/api/s3/api/",
  "r2-conditions": "https://developers.cloudflare.com/r2/api/s3/conditional-operations/",
  "r2-releases": "https://developers.cloudflare.com/r2/platform/release-notes/",
  "r2-checksums": "https://github.com/Alos-no/Cloudflare.NET/pull/43",
  "b2-copies": "https://postman.backblaze.com",
  tries:
    "https://github.com/vdavid/cmdr/blob/56b9447b09a41bb5bf26c485daf4c580e8dbed0a/docs/notes/s3/live-verification-2026-10.md",
} as const;

type Page = keyof typeof PAGES;

interface Said {
  /** Where a page of the provider, or somebody who tried, says that it does. */
  readonly likely?: Readonly<Partial<Record<Ability, Page>>>;
  /** Where one says that it does not. */
  readonly unlikely?: Readonly<Partial<Record<Ability, Page>>>;
  /** What costs a user time, a sentence. */
  readonly fault?: string;
}

/** The day on which all of it was looked up. */
export const LOOKED_UP = "2026-11-30";

export const pageOf = (page: Page): string => PAGES[page];

/**
 * What others say of stores that were not run here. It switches nothing on: a certificate does, if it
 * is so.
 */
export const SAID: Readonly<Partial<Record<ProviderName, Said>>> = {
  r2: {
    likely: {
      sha256: "r2-releases",
      crc32c: "r2-checksums",
      md5: "r2-api",
      "write-once": "r2-conditions",
      "copies once": "r2-conditions",
      "part crc32c": "r2-checksums",
      "part md5": "r2-checksums",
      copies: "tries",
    },
    unlikely: { "part sha256": "r2-checksums" },
    fault:
      "one write a second to a key, else 429; no key that may only put; no temporary credentials for tools, since [its own](https://developers.cloudflare.com/r2/api/s3/temporary-credentials/) that write may read (2026-12-01); its page says that a part ignores the condition of a copy, those who tried saw that it does not",
  },
  b2: {
    likely: { copies: "b2-copies" },
    unlikely: { "write-once": "tries", "copies once": "tries" },
    fault:
      "the master key does not work here, and a key for one bucket needs `listAllBucketNames`; buckets always keep versions, so let a rule remove what is hidden",
  },
  wasabi: {
    unlikely: { "write-once": "tries", "copies once": "tries", copies: "tries" },
    fault: "a file that is replaced or removed is paid for 90 days",
  },
  spaces: {
    likely: { "write-once": "tries" },
    unlikely: { "copies once": "tries", copies: "tries" },
    fault: "no key that may only put; an unsigned `x-amz-acl` makes a file public",
  },
};
