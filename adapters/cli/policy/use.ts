/** What a key is for: uploads, downloads, the service itself, or looking at the bucket's setup. */
export const USES = ["put", "get", "service", "diagnose"] as const;

export type Use = (typeof USES)[number];
