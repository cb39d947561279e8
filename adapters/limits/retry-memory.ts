import * as Duration from "effect/Duration";
import { createHash } from "node:crypto";
import type { FirstRequest, RetriedUpload } from "../../application/ports/limiter.ts";
import type { OrganizationId } from "../../domain/organization.ts";

/** Most uploads of one caller that are kept; each takes about 500 bytes. */
const MAX_PER_CALLER = 2_500;

/** The same for all callers of one organization. */
const MAX_PER_ORGANIZATION = 10_000;

/** The same for all organizations. */
const MAX = 100_000;

/** The shortest time between two removals of expired entries, in milliseconds. */
const SWEEP_INTERVAL = 1000;

/** Knowledge about an upload. */
type Known =
  | { readonly is: "new"; readonly add: () => void }
  | { readonly is: "other" }
  | {
      readonly is: "one too many";
      /** The holder of too many uploads. */
      readonly of: string;
      /** Seconds until the first of them expires. */
      readonly retryAfter: number;
    }
  | { readonly is: "retry"; readonly memory: string };

/**
 * The uploads that can be repeated. One caller leaves room for the others of its organization, and
 * one organization leaves room for the other organizations.
 */
export function retryMemory() {
  const known = new Map<string, Remembered>();
  /** Those of all uploads, of each organization and of each caller, by a digest of their names. */
  const groups = new Map<string, Group>();
  let sweptAt = 0;

  /** Removes expired entries. */
  const sweep = (now: number): void => {
    sweptAt = now;
    for (const group of groups.values()) group.firstEnd = Infinity;
    for (const [name, { objects, expiresAt, memberOf }] of known) {
      if (expiresAt > now) {
        for (const group of memberOf) group.firstEnd = Math.min(group.firstEnd, expiresAt);
      } else {
        known.delete(name);
        for (const group of memberOf) group.size -= objects;
      }
    }
    for (const [name, { size }] of groups) if (size === 0) groups.delete(name);
  };

  const groupNamed = (name: string): Group => {
    const group = groups.get(name) ?? { size: 0, firstEnd: Infinity };
    groups.set(name, group);
    return group;
  };

  const find = (
    organization: OrganizationId,
    retry: RetriedUpload & { readonly objects: number },
    now: number,
  ): Known => {
    const { caller, memory, objects } = retry;
    const name = entryName(organization, retry);
    const request = digest([retry.request]);
    const first = known.get(name);
    if (first !== undefined && first.expiresAt > now) {
      return first.request === request ? { is: "retry", memory: first.memory } : { is: "other" };
    }
    const bounds = [
      { of: "this caller", most: MAX_PER_CALLER, group: digest([organization, ...caller]) },
      { of: "this organization", most: MAX_PER_ORGANIZATION, group: digest([organization]) },
      { of: "all organizations", most: MAX, group: "" },
    ];
    const reached = () =>
      bounds.find(({ group, most }) => (groups.get(group)?.size ?? 0) + objects > most);
    if (reached() && Math.abs(now - sweptAt) >= SWEEP_INTERVAL) sweep(now);
    const full = reached();
    if (full !== undefined) {
      const end = groups.get(full.group)?.firstEnd ?? now;
      const retryAfter = Math.max(1, Math.ceil((end - now) / 1000));
      return { is: "one too many", of: full.of, retryAfter };
    }
    const add = () => {
      const memberOf = bounds.map(({ group }) => groupNamed(group));
      const expiresAt = now + Duration.toMillis(retry.lifetime);
      known.set(name, { request, memory, objects, expiresAt, memberOf });
      for (const group of memberOf) {
        group.size += objects;
        group.firstEnd = Math.min(group.firstEnd, expiresAt);
      }
    };
    return { is: "new", add };
  };

  /** See `replaceMemory` of the port. */
  const replace = (
    { organization, retry, memory }: FirstRequest & { readonly memory: string },
    now: number,
  ): string | undefined => {
    const first = known.get(entryName(organization, retry));
    if (first === undefined || first.expiresAt <= now) return undefined;
    if (first.memory === retry.memory) first.memory = memory;
    return first.memory;
  };

  /** Forgets a first request, unless its memory was replaced; tells whether it was there. */
  const forget = ({ organization, retry }: FirstRequest): boolean => {
    const name = entryName(organization, retry);
    const first = known.get(name);
    if (first?.memory !== retry.memory) return false;
    known.delete(name);
    for (const group of first.memberOf) group.size -= first.objects;
    return true;
  };

  return { find, replace, forget, sweep };
}

const entryName = (organization: OrganizationId, { caller, key }: RetriedUpload) =>
  digest([organization, ...caller, key]);

interface Remembered {
  readonly request: string;
  memory: string;
  /** The number of uploads. */
  readonly objects: number;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  readonly memberOf: ReadonlyArray<Group>;
}

/** Uploads that are counted together. */
interface Group {
  size: number;
  /** When the first of them expires, as of the last removal; milliseconds since 1970. */
  firstEnd: number;
}

/** A name of the same length for all texts, which does not show them. */
export const digest = (parts: ReadonlyArray<string>): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
