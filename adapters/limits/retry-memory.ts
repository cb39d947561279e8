import * as Duration from "effect/Duration";
import { createHash } from "node:crypto";
import type { RetriedUpload } from "../../application/ports/limiter.ts";
import type { OrganizationId } from "../../domain/organization.ts";

/** How many retries of one caller are known at a time; each takes about 500 bytes. */
const MOST_OF_CALLER = 2_500;

/** The same of all callers in one organization. */
const MOST_OF_ORGANIZATION = 10_000;

/** The same of all organizations. */
const MOST = 100_000;

/** The shortest time between two looks for what is over, in milliseconds. */
const PAUSE = 1000;

/** What is known of an upload by its name. */
type Known =
  | { readonly is: "new"; readonly add: () => void }
  | { readonly is: "other" }
  | {
      readonly is: "one too many";
      /** Whose retries there are too many of. */
      readonly of: string;
      /** Seconds until the first of them is over. */
      readonly retryAfter: number;
    }
  | { readonly is: "retry"; readonly memory: string };

/**
 * The uploads that can be repeated. Those of one caller leave room for the others of the
 * organization, and those of one organization for the other organizations.
 */
export function retryMemory() {
  const known = new Map<string, Remembered>();
  /** Those of all, of each organization and of each caller in one, by a digest of whose they are. */
  const groups = new Map<string, Group>();
  let sweptAt = 0;

  /** Forgets what is over. */
  const sweep = (now: number): void => {
    sweptAt = now;
    for (const group of groups.values()) group.firstEnd = Infinity;
    for (const [name, { expiresAt, memberOf }] of known) {
      if (expiresAt > now) {
        for (const group of memberOf) group.firstEnd = Math.min(group.firstEnd, expiresAt);
      } else {
        known.delete(name);
        for (const group of memberOf) group.size--;
      }
    }
    for (const [name, { size }] of groups) if (size === 0) groups.delete(name);
  };

  const groupOf = (name: string): Group => {
    const group = groups.get(name) ?? { size: 0, firstEnd: Infinity };
    groups.set(name, group);
    return group;
  };

  const find = (organization: OrganizationId, retry: RetriedUpload, now: number): Known => {
    const { caller, key, memory } = retry;
    const name = digest([organization, ...caller, key]);
    const request = digest([retry.request]);
    const first = known.get(name);
    if (first !== undefined && first.expiresAt > now) {
      return first.request === request ? { is: "retry", memory: first.memory } : { is: "other" };
    }
    const bounds = [
      { of: "this caller", most: MOST_OF_CALLER, group: digest([organization, ...caller]) },
      { of: "this organization", most: MOST_OF_ORGANIZATION, group: digest([organization]) },
      { of: "all organizations", most: MOST, group: "" },
    ];
    const isFull = ({ group, most }: (typeof bounds)[number]) =>
      (groups.get(group)?.size ?? 0) >= most;
    let full = bounds.find(isFull);
    if (full !== undefined && Math.abs(now - sweptAt) >= PAUSE) {
      sweep(now);
      full = bounds.find(isFull);
    }
    if (full !== undefined) {
      const end = groups.get(full.group)?.firstEnd ?? now;
      const retryAfter = Math.max(1, Math.ceil((end - now) / 1000));
      return { is: "one too many", of: full.of, retryAfter };
    }
    const add = () => {
      const memberOf = bounds.map(({ group }) => groupOf(group));
      const expiresAt = now + Duration.toMillis(retry.lifetime);
      known.set(name, { request, memory, expiresAt, memberOf });
      for (const group of memberOf) {
        group.size++;
        group.firstEnd = Math.min(group.firstEnd, expiresAt);
      }
    };
    return { is: "new", add };
  };
  return { find, sweep };
}

interface Remembered {
  readonly request: string;
  readonly memory: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  readonly memberOf: ReadonlyArray<Group>;
}

/** What is counted together. */
interface Group {
  size: number;
  /** When the first of them is over, or was before the last look; milliseconds since 1970. */
  firstEnd: number;
}

/** Of equal length, whatever callers make up. */
const digest = (parts: ReadonlyArray<string>): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
