import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import type {
  Account,
  Reached,
  StoredBytes,
  Thresholds,
  UsageCounter,
  UsageLimits,
  UsageReading,
  UsageTotals,
} from "../../../application/ports/usage.ts";
import { LimitsUnavailable, StorageFull, TooManyOpenUploads } from "../../../domain/errors.ts";
import type { OrganizationId } from "../../../domain/organization.ts";
import { organizationOf, personalFolder, type StorageKey } from "../../../domain/storage-key.ts";
import {
  nextUsage,
  readEntry,
  type UsageFact,
  weigh,
  writeEntry,
} from "../../../domain/stored-bytes.ts";
import { thresholdsReached } from "../../../domain/usage-threshold.ts";
import { changeOf, NO_CHANGE } from "./change.ts";
import type { Change, Ledger, Outcome } from "./ledger.ts";
import { makeListWait } from "./list-wait.ts";
import { recountIn } from "./recount.ts";

export interface UsageSettings extends UsageLimits {
  /** Refuses uploads while it is not known what is stored. */
  readonly refusesUnknown: boolean;
}

/** Counts in a ledger: each fact is a step of an entry that is still as it was read. */
export function counterIn(ledger: Ledger, settings: UsageSettings): UsageCounter {
  const { bytes, bytesPerSubject, open, openPerSubject, refusesUnknown } = settings;
  const firstList = makeListWait();

  /** Applies facts of keys of one organization, again if entries have changed meanwhile. */
  const apply = Effect.fnUntraced(function* (
    organization: OrganizationId,
    facts: Facts,
    asked: Partial<Change> & { readonly guess?: Readonly<Record<string, string>> } = {},
  ) {
    const now = yield* Clock.currentTimeMillis;
    let known: Readonly<Record<string, string>> = asked.guess ?? {};
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
      const steps = [...facts].map(([key, fact]) => {
        const from = known[key] ?? "";
        return { key, from, step: nextUsage(readEntry(from), fact, now) };
      });
      const outcome: Outcome = yield* ledger.change(organization, changeOf(steps, asked));
      const { refused } = outcome;
      if (!hasChanged(refused)) {
        const entries = new Map(
          steps.flatMap(({ key, step }) =>
            step?.entry === undefined ? [] : [[key, writeEntry(step.entry)]],
          ),
        );
        return { ...outcome, entries };
      }
      known = { ...known, ...refused.changed };
    }
    return yield* BUSY;
  });

  const one = (key: StorageKey, fact: UsageFact, asked?: Parameters<typeof apply>[2]) =>
    apply(organizationOf(key), new Map([[key, fact]]), asked);

  const doubts: UsageCounter["doubts"] = Effect.fnUntraced(function* (organization) {
    const { entries, now, isRecounting } = yield* ledger.due(organization);
    if (Object.keys(entries).length === 0) return undefined;
    const read = Object.entries(entries).map(([name, from]) => {
      const key = name as StorageKey;
      const step = nextUsage(readEntry(from), { is: "late" }, now);
      return { key, from, step: isRecounting && step?.settled ? undefined : step };
    });
    const steps = read.filter(({ step }) => step !== undefined);
    // If one has changed meanwhile, all come again in a minute.
    if (steps.length > 0) yield* ledger.change(organization, changeOf(steps));
    return read.flatMap(({ key, from, step }) => {
      const isUndecided = step === undefined || step.entry?.state === "lapsed";
      const entry = step === undefined ? from : writeEntry(step.entry);
      return isUndecided ? [{ key, entry, at: now, isRecounting }] : [];
    });
  });

  const reserve = Effect.fnUntraced(function* (
    ...[grants, { folder, storedBytes, care }]: Parameters<UsageCounter["reserve"]>
  ) {
    const [organization] = grants.map(({ key }) => organizationOf(key));
    if (organization === undefined) return;
    const isPersonal = grants.some(({ key }) => personalFolder(key) === folder);
    const facts = new Map(
      grants.map((grant) => {
        const by = openPerSubject === undefined || personalFolder(grant.key) ? undefined : folder;
        return [grant.key, { is: "granted", ...grant, by } as const];
      }),
    );
    const ofAll = isPersonal ? bytes : (storedBytes ?? bytes);
    const ofOne = isPersonal ? (storedBytes ?? bytesPerSubject) : undefined;
    const limits = [
      { folder: "", bytes: ofAll, open },
      { folder, bytes: ofOne, open: openPerSubject },
    ];
    const plans = { [isPersonal ? folder : ""]: storedBytes ?? null };
    const asked = { limits, plans, folders: ["", folder], needsKnown: refusesUnknown };
    const isLimited = ofAll !== undefined || ofOne !== undefined;
    const waits = isLimited && !(yield* firstList.isOver(organization));
    const first = { ...asked, needsKnown: waits || refusesUnknown };
    let outcome = yield* apply(organization, facts, first);
    if (waits && outcome.refused === "unknown") {
      yield* firstList.wait(organization, care, outcome.isDue);
      outcome = yield* apply(organization, facts, asked);
    } else if (outcome.isDue) yield* Effect.forkDetach(care);
    if (isFull(outcome.refused)) {
      // Grants that have ended may be counted still. A count of all files takes longer.
      yield* Effect.timeoutOption(Fiber.join(yield* Effect.forkDetach(care)), "1 second");
      outcome = yield* apply(organization, facts, asked);
    }
    const { refused, sums } = outcome;
    if (refused === "unknown") return yield* UNKNOWN;
    if (!isFull(refused)) return;
    const { full } = refused;
    if (full >= 0) {
      const { bytes: used = 0, granted = 0 } = sums[full] ?? {};
      const limit = limits[full]?.bytes ?? 0;
      return yield* new StorageFull({ used, granted, limit, isSubject: full > 0 });
    }
    const count = grants.length;
    const refusals: Array<TooManyOpenUploads> = [];
    for (const [at, { open: limit = Infinity }] of limits.entries()) {
      const isOpen = sums[at]?.open ?? 0;
      const facts = { open: isOpen, limit, isSubject: at > 0 };
      // It would never fit.
      if (count > limit) return yield* new TooManyOpenUploads(facts);
      if (isOpen + count <= limit) continue;
      const whose = { organization, folder: at > 0 ? folder : undefined };
      const retryAfter = yield* endOf(whose, isOpen + count - limit);
      refusals.push(new TooManyOpenUploads({ ...facts, retryAfter }));
    }
    // Of both limits the one that lasts.
    const last = refusals.toSorted((a, b) => (b.retryAfter ?? 0) - (a.retryAfter ?? 0))[0];
    return yield* last ?? BUSY;
  });

  /** Returns in how many seconds so many uploads have ended that are open, unless others begin. */
  const endOf = Effect.fnUntraced(function* ({ organization, folder }: Account, count: number) {
    const now = yield* Clock.currentTimeMillis;
    let left = count;
    for (let offset = 0; offset < MOST_NEXT;) {
      const page = yield* ledger.next(organization, offset);
      for (const [key, text] of page) {
        const entry = readEntry(text);
        const isTheirs =
          folder === undefined || [personalFolder(key as StorageKey), entry?.by].includes(folder);
        if (weigh(entry).open !== undefined && isTheirs) left -= 1;
        if (left === 0 && entry) return Math.max(1, Math.ceil((entry.urlUntil - now) / 1000));
      }
      if (page.length === 0) break;
      offset += page.length;
    }
    // There are more than are looked at.
    return 60;
  });

  /** Replaces a note of an account, which is kept like an entry. */
  const note = Effect.fnUntraced(function* (
    { organization, folder = "" }: Account,
    update: (text: string, reading: UsageReading) => string,
  ) {
    const key = `#reached ${folder}`;
    let text = "";
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
      const asked = (to: string) =>
        ledger.change(organization, {
          ...NO_CHANGE,
          folders: [folder],
          entries: { [key]: { from: text, to, due: 0 } },
        });
      let outcome = yield* asked(text);
      const next = hasChanged(outcome.refused) ? text : update(text, readingIn(outcome));
      if (next !== text) outcome = yield* asked(next);
      if (!hasChanged(outcome.refused)) return next;
      text = outcome.refused.changed[key] ?? "";
    }
    return yield* BUSY;
  });

  const read = ({ organization, folder = "" }: Account) =>
    Effect.map(ledger.change(organization, { ...NO_CHANGE, folders: [folder] }), readingIn);

  return {
    limits: settings,
    reserve: (...asked) =>
      refusesUnknown
        ? reserve(...asked)
        : Effect.catchTag(reserve(...asked), "LimitsUnavailable", () => Effect.void),
    stored: (file) => {
      const granted = nextUsage(undefined, { is: "granted", ...file }, 0);
      const guess = { [file.key]: writeEntry(granted?.entry) };
      return Effect.asVoid(one(file.key, { is: "stored", ...file }, { guess }));
    },
    doubt: Effect.fnUntraced(function* (key) {
      const at = yield* Clock.currentTimeMillis;
      const { entries } = yield* one(key, { is: "doubted" });
      const entry = entries.get(key);
      return entry === undefined ? undefined : { key, entry, at, isRecounting: false };
    }),
    removing: ({ key, size }) => Effect.asVoid(one(key, { is: "removing", size })),
    removed: (key) => Effect.asVoid(one(key, { is: "removed" })),
    read,
    organizations: ledger.organizations,
    totals: Effect.flatMap(ledger.organizations, (organizations) =>
      Effect.forEach(organizations, (organization) => read({ organization }), { concurrency: 16 }),
    ).pipe(Effect.map((readings) => totalOf(readings, bytes))),
    thresholds: Effect.fnUntraced(function* (account) {
      let found: Omit<Thresholds, "reached"> | undefined;
      const text = yield* note(account, (was, reading) => {
        const limit = reading.plan ?? (account.folder === undefined ? bytes : bytesPerSubject);
        found = limit === undefined || !reading.isKnown ? undefined : { ...reading, limit };
        if (found === undefined) return was;
        const before = readReached(was);
        const now = thresholdsReached(found.bytes, found.limit).map(
          (percent) =>
            before.find((each) => each.percent === percent) ?? {
              percent,
              occurrence: crypto.randomUUID(),
            },
        );
        return now.length === 0 ? "" : JSON.stringify(now);
      });
      const reached = readReached(text).filter(({ isTold }) => isTold !== true);
      return found && { ...found, reached };
    }),
    told: (account, reached) =>
      Effect.asVoid(
        note(account, (was) => {
          const isTold = new Set(reached.map(({ occurrence }) => occurrence));
          const after = readReached(was).map((each) =>
            isTold.has(each.occurrence) ? { ...each, isTold: true } : each,
          );
          return after.length === 0 ? "" : JSON.stringify(after);
        }),
      ),
    doubts,
    seen: Effect.fnUntraced(function* ({ key, entry, at, isRecounting }, size) {
      const was = readEntry(entry);
      const now = isRecounting ? Math.min(at, (was?.end ?? 0) - 1) : at;
      const step = nextUsage(was, { is: "seen", size }, now);
      yield* ledger.change(organizationOf(key), changeOf([{ key, from: entry, step }]));
    }),
    recount: recountIn(ledger),
    forget: ledger.forget,
  };
}

type Facts = ReadonlyMap<StorageKey, UsageFact>;

const MOST_ATTEMPTS = 20;
/** Entries that are looked at for the end of open uploads. */
const MOST_NEXT = 5000;
const EMPTY: UsageReading = { files: 0, bytes: 0, granted: 0, open: 0, isKnown: false };
const BUSY = new LimitsUnavailable({ reason: "an entry of the count changes again and again" });
const UNKNOWN = new LimitsUnavailable({
  reason: "it is not known yet what an organization has stored, and STORED_BYTES_UNKNOWN refuses",
});

const readingIn = ({ isKnown, since, sums: [sum] }: Outcome): UsageReading => ({
  ...(sum ?? EMPTY),
  isKnown,
  since,
});

const readReached = (text: string): ReadonlyArray<Reached & { readonly isTold?: boolean }> =>
  text === "" ? [] : JSON.parse(text);

function totalOf(readings: ReadonlyArray<UsageReading>, limit = Infinity): UsageTotals {
  const sum = (name: keyof StoredBytes) => readings.reduce((all, each) => all + each[name], 0);
  return {
    files: sum("files"),
    bytes: sum("bytes"),
    granted: sum("granted"),
    open: sum("open"),
    organizations: readings.length,
    unknown: readings.filter(({ isKnown }) => !isKnown).length,
    nearLimit: readings.filter((each) => each.bytes >= (each.plan ?? limit) * 0.8).length,
  };
}

const hasChanged = (
  refused: Outcome["refused"],
): refused is { readonly changed: Readonly<Record<string, string>> } =>
  typeof refused === "object" && "changed" in refused;

const isFull = (refused: Outcome["refused"]): refused is { readonly full: number } =>
  typeof refused === "object" && "full" in refused;
