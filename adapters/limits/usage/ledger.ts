import type * as Effect from "effect/Effect";
import type { LimitsUnavailable } from "../../../domain/errors.ts";
import type { OrganizationId } from "../../../domain/organization.ts";
import type { Weight } from "../../../domain/stored-bytes.ts";

/** By folder of a person; that of the whole organization is empty. */
export type Sums = Readonly<Record<string, Weight>>;

/** All of it happens, or nothing. */
export interface Change {
  /** Entries by key, as text; empty text for none. */
  readonly entries: Readonly<Record<string, Entry>>;
  /** What the entries weigh more. */
  readonly more: Sums;
  /** What becomes a part of the sums for good. */
  readonly settled: Sums;
  /** The sizes of settled files that leave, for a count that may have them already. */
  readonly late: Readonly<Record<string, number>>;
  /** What may be stored and granted at most, by what is counted so far. */
  readonly limits: ReadonlyArray<{
    readonly folder: string;
    readonly bytes?: number | undefined;
    readonly open?: number | undefined;
  }>;
  /** By folder, the plans by which these limits were; null if there is none. */
  readonly plans?: Readonly<Record<string, number | null>>;
  /** Refuses while the account is unknown. */
  readonly needsKnown: boolean;
  /** The folders to read. */
  readonly folders: ReadonlyArray<string>;
}

export interface Entry {
  readonly from: string;
  readonly to: string;
  /** In milliseconds since 1970; 0 leaves it as it is. */
  readonly due: number;
}

export interface Outcome {
  /**
   * `full` is the number of the limit, negative minus 1 for one on open uploads; `changed` has the
   * entries that are not as they were.
   */
  readonly refused?:
    | { readonly changed: Readonly<Record<string, string>> }
    | { readonly full: number }
    | "unknown"
    | "recounting";
  /** When the store was last listed, in milliseconds since 1970. */
  readonly since?: number | undefined;
  readonly isKnown: boolean;
  /** Once a minute true for one process, which then looks after the account. */
  readonly isDue: boolean;
  /** In the order of `folders`. */
  readonly sums: ReadonlyArray<Required<Weight> & { readonly plan?: number | undefined }>;
}

export interface DueEntries {
  readonly entries: Readonly<Record<string, string>>;
  /** In milliseconds since 1970, by the clock that all processes share. */
  readonly now: number;
  readonly isRecounting: boolean;
}

type Answer<A> = Effect.Effect<A, LimitsUnavailable>;

/** Keeps entries and sums of organizations, in memory or for several processes. */
export interface Ledger {
  /** The organizations that have an account. */
  readonly organizations: Answer<ReadonlyArray<OrganizationId>>;
  readonly change: (organization: OrganizationId, change: Change) => Answer<Outcome>;
  /** Returns the entries that are due next after now, in their order. */
  readonly next: (
    organization: OrganizationId,
    offset: number,
  ) => Answer<ReadonlyArray<readonly [key: string, entry: string]>>;
  /** Returns entries that are due, and puts each off for a minute. */
  readonly due: (organization: OrganizationId) => Answer<DueEntries>;
  /** Returns entries of these keys, and prolongs a count; undefined if it has ended. */
  readonly during: (
    organization: OrganizationId,
    count: string,
    keys: ReadonlyArray<string>,
  ) => Answer<Readonly<Record<string, string>> | undefined>;
  /** Returns some entries, and where to go on; each is returned that stays until the end. */
  readonly scan: (
    organization: OrganizationId,
    after: string,
  ) => Answer<{ readonly entries: Readonly<Record<string, string>>; readonly next?: string }>;
  /** Begins a count; false while there is another. */
  readonly begin: (organization: OrganizationId, count: string) => Answer<boolean>;
  /** Returns the settled files that left since a count began; undefined if it has ended. */
  readonly late: (
    organization: OrganizationId,
    count: string,
  ) => Answer<Readonly<Record<string, number>> | undefined>;
  /** Replaces what is settled; false if the count has ended, or another number of files than `late` has left. */
  readonly finish: (
    organization: OrganizationId,
    count: string,
    result: { readonly sums: Sums; readonly late: number },
  ) => Answer<boolean>;
  /** Ends a count that changes nothing. */
  readonly end: (organization: OrganizationId, count: string) => Answer<void>;
  /** Makes the account unknown. */
  readonly forget: (organization: OrganizationId) => Answer<void>;
}
