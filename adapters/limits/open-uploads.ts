import * as Duration from "effect/Duration";
import type { OpenUpload } from "../../application/ports/limiter.ts";
import type { OrganizationId } from "../../domain/organization.ts";

/** The uploads in parts that are open, at most `limit` of each organization. */
export function openUploads(limit: number) {
  /** Of each organization the keys, and when they end by themselves, in milliseconds since 1970. */
  const open = new Map<OrganizationId, Map<string, number>>();

  const removeExpired = (
    organization: OrganizationId,
    uploads: Map<string, number>,
    now: number,
  ) => {
    for (const [key, end] of uploads) if (end <= now) uploads.delete(key);
    if (uploads.size === 0) open.delete(organization);
  };

  return {
    /** Milliseconds until the first upload ends by itself, if there is no place for another. */
    timeToWait: (organization: OrganizationId, now: number): number | undefined => {
      const uploads = open.get(organization);
      if (uploads === undefined || uploads.size < limit) return undefined;
      removeExpired(organization, uploads, now);
      return uploads.size < limit ? undefined : Math.min(...uploads.values()) - now;
    },
    add: (organization: OrganizationId, { key, lifetime }: OpenUpload, now: number): void => {
      const uploads = open.get(organization) ?? new Map<string, number>();
      open.set(organization, uploads.set(key, now + Duration.toMillis(lifetime)));
    },
    remove: (organization: OrganizationId, key: string): void => {
      const uploads = open.get(organization);
      uploads?.delete(key);
      if (uploads?.size === 0) open.delete(organization);
    },
    /** Removes expired entries. */
    sweep: (now: number): void => {
      for (const [organization, uploads] of open) removeExpired(organization, uploads, now);
    },
  };
}
