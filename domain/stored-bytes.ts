import * as Duration from "effect/Duration";

// Each stored byte is counted once, whatever is repeated, killed or late: what happens to a key is a
// step of its entry, and a sum is what its entries weigh.

/**
 * `granted`: its URL may be used. `sent`: its URL has ended, and it may be confirmed. `lapsed`: only
 * the store knows if there is a file. `removed`: kept for a removal or a confirm that is late.
 * `dropped`: removed before it was confirmed, while its URL may still be used.
 */
const STATES = [
  ...(["granted", "sent", "lapsed", "stored"] as const),
  ...(["removing", "removed", "dropped"] as const),
] as const;

/** What is known of one key, until no receipt of it can be valid any more. */
export interface UsageEntry {
  readonly state: (typeof STATES)[number];
  /** In bytes. */
  readonly size: number;
  /** The end of its URL, in milliseconds since 1970. */
  readonly urlUntil: number;
  /** In milliseconds since 1970. A counted file is only a part of the sums then. */
  readonly end: number;
  /** True if nothing but a removal changes the file. */
  readonly isFinal: boolean;
  /** The folder of who uploads, for its open uploads, if the key is in no such folder. */
  readonly by?: string | undefined;
  /** Counts the steps, so that a late look at the store cannot pass for a new one. */
  readonly step: number;
}

export type UsageFact =
  | {
      readonly is: "granted";
      readonly size: number;
      readonly urlUntil: number;
      readonly confirmUntil: number;
      readonly by?: string | undefined;
    }
  | {
      readonly is: "stored";
      readonly size: number;
      readonly confirmUntil: number;
      readonly isFinal: boolean;
    }
  | { readonly is: "doubted" | "removed" | "late" }
  /** Without a size there was no file yet. */
  | { readonly is: "removing"; readonly size: number | undefined }
  /** The store was looked at; without a size there is no file. */
  | { readonly is: "seen"; readonly size: number | undefined };

export interface UsageStep {
  /** Undefined if nothing has to be known of the key any more. */
  readonly entry: UsageEntry | undefined;
  /** When time decides on it, or a look at the store. */
  readonly due: number;
  /** The files that become a part of the sums, or leave it. */
  readonly settled?: Weight;
}

/** The part of one key in the sums. */
export interface Weight {
  readonly files?: number;
  readonly bytes?: number;
  readonly granted?: number;
  readonly open?: number;
}

const MINUTE = Duration.toMillis(Duration.minutes(1));

/** For requests that began in time, and for clocks that differ. */
const GRACE = Duration.toMillis(Duration.hours(1));

/** Returns the step that a fact makes; undefined if it changes nothing. `now` in milliseconds. */
export function nextUsage(
  was: UsageEntry | undefined,
  fact: UsageFact,
  now: number,
): UsageStep | undefined {
  const become = (state: UsageEntry["state"], changed: Partial<UsageEntry>, due?: number) => {
    const entry = { ...BLANK, ...was, ...changed, state, step: (was?.step ?? 0) + 1 };
    return { entry, due: due ?? entry.end };
  };
  switch (fact.is) {
    case "granted": {
      const { size, urlUntil, confirmUntil, by } = fact;
      return become("granted", { size, urlUntil, end: confirmUntil + GRACE, by }, urlUntil);
    }
    case "stored": {
      if (was?.state === "removing") return undefined;
      // It was removed since the store was looked at, or uploaded again.
      if (was?.state === "removed" || was?.state === "dropped") return become("lapsed", {}, now);
      const { size } = fact;
      // A removal may be under way.
      const isFinal = fact.isFinal && was?.state !== "lapsed";
      if (was?.state === "stored" && was.isFinal >= isFinal) return undefined;
      const end = Math.max(was?.end ?? 0, fact.confirmUntil + GRACE);
      return become("stored", { size, isFinal, end });
    }
    case "doubted":
      return was && { entry: was, due: now };
    case "removing": {
      // Longer than the removal takes: what ends before it would not be taken off.
      const end = Math.max(was?.end ?? 0, now + GRACE);
      if (was === undefined) {
        const { size } = fact;
        if (size === undefined) return undefined;
        const settled = { files: -1, bytes: -size };
        return { ...become("removing", { size, end }, now + MINUTE), settled };
      }
      if ("files" in weigh(was)) return become("removing", { end }, now + MINUTE);
      if (isOpen(was, now)) return become("dropped", { end }, was.urlUntil);
      return become(was.state === "removed" ? "removed" : "lapsed", { end }, now + MINUTE);
    }
    case "removed":
      if (was === undefined || was.state === "removed") return undefined;
      if (isOpen(was, now)) return become("dropped", {}, was.urlUntil);
      return become(
        "removed",
        { end: Math.max(was.end, now + GRACE), isFinal: false },
        endOfUrl(was, now),
      );
    case "late":
      return was && afterTime(was, now, become);
    case "seen": {
      if (was === undefined) return undefined;
      const { size } = fact;
      if (now >= was.end) {
        const settled = size === undefined ? {} : { files: 1, bytes: size };
        return { entry: undefined, due: 0, settled };
      }
      if (size !== undefined) return become("stored", { size, isFinal: false });
      if (was.state === "dropped" && now < was.urlUntil) return undefined;
      const isRemoved = "files" in weigh(was) || was.state === "removed";
      return become(isRemoved ? "removed" : "lapsed", {}, endOfUrl(was, now));
    }
  }
}

/** Returns true for an upload that can still be made: removing its file frees nothing before. */
const isOpen = ({ state, urlUntil }: UsageEntry, now: number) =>
  (state === "granted" || state === "dropped") && now < urlUntil;

/** When a file may be there again, by an URL that could still be used after it was gone. */
const endOfUrl = ({ urlUntil }: UsageEntry, now: number) => (now < urlUntil ? urlUntil : undefined);

/** Returns the step that needs no look at the store. */
function afterTime(
  was: UsageEntry,
  now: number,
  become: (state: UsageEntry["state"], changed: object, due?: number) => UsageStep,
): UsageStep | undefined {
  const { state, end, urlUntil, isFinal } = was;
  const isGranted = state === "granted" || state === "sent";
  if (isGranted && now >= end) return become("lapsed", {}, now + MINUTE);
  if (state === "granted" && now >= urlUntil) return become("sent", {});
  if (state === "dropped" && now >= urlUntil) return become("lapsed", {}, now + MINUTE);
  if (state === "stored" && isFinal && now >= end) {
    return { entry: undefined, due: 0, settled: weigh(was) };
  }
  return undefined;
}

const BLANK = { size: 0, urlUntil: 0, end: 0, isFinal: false };

export function weigh(entry: UsageEntry | undefined): Weight {
  switch (entry?.state) {
    case "stored":
    case "removing":
      return { files: 1, bytes: entry.size };
    case "granted":
    case "dropped":
      return { granted: entry.size, open: 1 };
    case "sent":
      return { granted: entry.size };
    default:
      return {};
  }
}

/** Writes an entry as short text; empty if there is none. */
export const writeEntry = (entry: UsageEntry | undefined): string =>
  entry === undefined
    ? ""
    : JSON.stringify([
        STATES.indexOf(entry.state),
        entry.size,
        entry.urlUntil,
        entry.end,
        entry.isFinal ? 1 : 0,
        entry.step,
        ...(entry.by === undefined ? [] : [entry.by]),
      ]);

/** Inverts `writeEntry`. */
export function readEntry(text: string): UsageEntry | undefined {
  if (text === "") return undefined;
  const [state, size, urlUntil, end, isFinal, step, by]: Written = JSON.parse(text);
  return {
    state: STATES[state] ?? "lapsed",
    size,
    urlUntil,
    end,
    isFinal: isFinal === 1,
    step,
    by,
  };
}

type Written = [
  state: number,
  size: number,
  urlUntil: number,
  end: number,
  isFinal: number,
  step: number,
  by?: string,
];
