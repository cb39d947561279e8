import * as Duration from "effect/Duration";
import { createHash } from "node:crypto";
import type { RetriedUpload } from "../../application/ports/limiter.ts";
import type { OrganizationId } from "../../domain/organization.ts";

/** How many retries of one organization are known at a time; each takes about 500 bytes. */
const MOST_OF_ONE = 10_000;

/** The same of all together. */
const MOST = 100_000;

/** What is known of an upload by its name. */
type Known = { readonly is: "new" | "other" | "one too many" } | { readonly memory: string };

/** The uploads that can be repeated; those of one organization leave room for the others. */
export function retryMemory() {
  const known = new Map<OrganizationId, Map<string, Remembered>>();
  let size = 0;
  return {
    find: (organization: OrganizationId, retry: RetriedUpload, now: number): Known => {
      const own = known.get(organization);
      const first = own?.get(digest(retry.name));
      if (first !== undefined && first.expiresAt > now) {
        return first.request === digest([retry.request]) ? first : { is: "other" };
      }
      return { is: size >= MOST || (own?.size ?? 0) >= MOST_OF_ONE ? "one too many" : "new" };
    },
    add: (organization: OrganizationId, retry: RetriedUpload, now: number): void => {
      const own = known.get(organization) ?? new Map<string, Remembered>();
      known.set(organization, own);
      const before = own.size;
      own.set(digest(retry.name), {
        request: digest([retry.request]),
        memory: retry.memory,
        expiresAt: now + Duration.toMillis(retry.lifetime),
      });
      size += own.size - before;
    },
    /** Forgets what is over. */
    sweep: (now: number): void => {
      for (const [organization, own] of known) {
        for (const [name, { expiresAt }] of own) {
          if (expiresAt <= now && own.delete(name)) size--;
        }
        if (own.size === 0) known.delete(organization);
      }
    },
  };
}

interface Remembered {
  readonly request: string;
  readonly memory: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Of equal length, whatever callers make up. */
const digest = (parts: ReadonlyArray<string>): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
