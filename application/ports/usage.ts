import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type { LimitsUnavailable, StorageFull, TooManyOpenUploads } from "../../domain/errors.ts";
import type { OrganizationId } from "../../domain/organization.ts";
import type { StorageKey } from "../../domain/storage-key.ts";
import type { Threshold } from "../../domain/usage-threshold.ts";

/** The files of an organization or of one person's folder in it, over all stores. */
export interface StoredBytes {
  readonly files: number;
  readonly bytes: number;
  /** The bytes of uploads that are granted, and may still be confirmed. */
  readonly granted: number;
  /** The number of uploads that are granted, whose URLs have not ended. */
  readonly open: number;
}

export interface UsageReading extends StoredBytes {
  /** False until the store was listed: after a start in memory, or of Redis, and for a new one. */
  readonly isKnown: boolean;
  /** When the store was last listed, in milliseconds since 1970. */
  readonly since?: number | undefined;
  /** The limit on bytes by the plan of whoever was last granted an upload; undefined without one. */
  readonly plan?: number | undefined;
}

/** An account: of an organization, or of one folder in it as `subjectFolder` names it. */
export interface Account {
  readonly organization: OrganizationId;
  readonly folder?: string | undefined;
}

/** A threshold that an account has reached. */
export interface Reached {
  readonly percent: Threshold;
  /** The same until the account falls below it. */
  readonly occurrence: string;
}

/** Who asks for uploads. */
export interface Grantee {
  /** The caller's folder, by which open uploads are counted whatever their keys are. */
  readonly folder: string;
  /** The bytes of the caller's plan, in place of the limit on a person's bytes. */
  readonly storedBytes?: number | undefined;
  /** Decides doubts, and counts an unknown account; forked once a minute. */
  readonly care: Effect.Effect<void>;
}

/** What an account has of its limit. */
export interface Thresholds {
  readonly files: number;
  readonly bytes: number;
  /** In bytes: of the plan, or else of the settings. */
  readonly limit: number;
  /** Those of which nobody was told. */
  readonly reached: ReadonlyArray<Reached>;
}

/** All organizations together. */
export interface UsageTotals extends StoredBytes {
  readonly organizations: number;
  /** How many of them are not known. */
  readonly unknown: number;
  /** How many have stored 80 % or more of the limit on an organization's bytes. */
  readonly nearLimit: number;
}

/** An upload; its key names the organization. */
export interface GrantToCount {
  readonly key: StorageKey;
  /** In bytes. */
  readonly size: number;
  /** The end of its URL, or of an upload in parts, in milliseconds since 1970. */
  readonly urlUntil: number;
  /** The end of its receipt, in milliseconds since 1970. */
  readonly confirmUntil: number;
}

/** An entry of a key that may still change. */
export interface Doubt {
  readonly key: StorageKey;
  /** The entry as it was read: a look at the store counts only if it is still the same. */
  readonly entry: string;
  /** When it was read, in milliseconds since 1970. */
  readonly at: number;
  readonly isRecounting: boolean;
}

export interface UsageLimits {
  /** The bytes of an organization. */
  readonly bytes?: number | undefined;
  /** The bytes of one person's folder. */
  readonly bytesPerSubject?: number | undefined;
  /** The uploads of an organization that may be open at once. */
  readonly open?: number | undefined;
  /** Those of one caller. */
  readonly openPerSubject?: number | undefined;
}

/**
 * Counts stored files by their keys: each once, however often and in which order its facts come.
 * An entry ends when no receipt of its key can be valid any more; a sum remains of it.
 */
export interface UsageCounter {
  readonly limits: UsageLimits;
  /**
   * Counts uploads of one caller as granted, all or none. Fails with `StorageFull` or
   * `TooManyOpenUploads`, or with `LimitsUnavailable` if what is stored is unknown and that refuses.
   */
  readonly reserve: (
    grants: ReadonlyArray<GrantToCount>,
    grantee: Grantee,
  ) => Effect.Effect<void, StorageFull | TooManyOpenUploads | LimitsUnavailable>;
  /** Counts a confirmed file. `isFinal` if it can no longer change before its receipt ends. */
  readonly stored: (
    file: GrantToCount & { readonly isFinal: boolean },
  ) => Effect.Effect<void, LimitsUnavailable>;
  /** Returns the entry of an upload that was refused or aborted: only the store knows its file. */
  readonly doubt: (key: StorageKey) => Effect.Effect<Doubt | undefined, LimitsUnavailable>;
  /** Keeps the size of a file that is about to be removed; none if it is not there yet. */
  readonly removing: (file: {
    readonly key: StorageKey;
    readonly size: number | undefined;
  }) => Effect.Effect<void, LimitsUnavailable>;
  /** Says that there is no file of this key any more. Also frees its grant. */
  readonly removed: (key: StorageKey) => Effect.Effect<void, LimitsUnavailable>;
  readonly read: (account: Account) => Effect.Effect<UsageReading, LimitsUnavailable>;
  /** The organizations that have an account. */
  readonly organizations: Effect.Effect<ReadonlyArray<OrganizationId>, LimitsUnavailable>;
  readonly totals: Effect.Effect<UsageTotals, LimitsUnavailable>;
  /**
   * Notes which thresholds of its limit an account has reached, and which it is below again. Returns
   * those that were not `told`: again, with the same occurrence, until they are. Undefined without a
   * limit, and while the account is unknown.
   */
  readonly thresholds: (
    account: Account,
  ) => Effect.Effect<Thresholds | undefined, LimitsUnavailable>;
  readonly told: (
    account: Account,
    reached: ReadonlyArray<Reached>,
  ) => Effect.Effect<void, LimitsUnavailable>;
  /**
   * Takes some entries that only a look at the store can decide; undefined if none is left. Each is
   * given out once a minute.
   */
  readonly doubts: (
    organization: OrganizationId,
  ) => Effect.Effect<ReadonlyArray<Doubt> | undefined, LimitsUnavailable>;
  /** Decides an entry by a look at the store: the file's size, or undefined if there is none. */
  readonly seen: (doubt: Doubt, size: number | undefined) => Effect.Effect<void, LimitsUnavailable>;
  /** Begins to count all files anew; undefined while another process does. */
  readonly recount: (
    organization: OrganizationId,
  ) => Effect.Effect<Recount | undefined, LimitsUnavailable>;
  /** Says that the account is unknown until it is counted anew. */
  readonly forget: (organization: OrganizationId) => Effect.Effect<void, LimitsUnavailable>;
}

/** One count of all files of an organization, while uploads and removals go on. */
export interface Recount {
  /** Adds a page of files: each once, in any order, with its age in milliseconds. */
  readonly add: (
    files: ReadonlyArray<{
      readonly key: StorageKey;
      readonly size: number;
      readonly age: number;
    }>,
  ) => Effect.Effect<void, LimitsUnavailable>;
  /** Ends the list, and returns what was recorded and is not in it, for a look at the store. */
  readonly unseen: Effect.Effect<ReadonlyArray<Doubt>, LimitsUnavailable>;
  /** Replaces the account by this count. */
  readonly finish: Effect.Effect<void, LimitsUnavailable>;
  /** Gives the count up: another may begin at once. */
  readonly end: Effect.Effect<void, LimitsUnavailable>;
}

/** Undefined by default: nothing is counted. */
export const Usage = Context.Reference<UsageCounter | undefined>("valetkey/Usage", {
  defaultValue: () => undefined,
});
