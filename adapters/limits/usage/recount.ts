import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { Doubt, UsageCounter } from "../../../application/ports/usage.ts";
import { LimitsUnavailable } from "../../../domain/errors.ts";
import { LONGEST_RECEIPT } from "../../../domain/receipt.ts";
import type { StorageKey } from "../../../domain/storage-key.ts";
import { nextUsage, readEntry, type Weight, weigh } from "../../../domain/stored-bytes.ts";
import { add, changeOf, type Step } from "./change.ts";
import type { Ledger } from "./ledger.ts";

/**
 * Counts the files that have no entry, and leaves those that have one to the entry: what happens
 * meanwhile makes one, and none ends before the count does. A file that was counted here, and is
 * removed afterwards, is taken off at the end.
 */
export const recountIn = (ledger: Ledger): UsageCounter["recount"] =>
  Effect.fnUntraced(function* (organization) {
    const count = crypto.randomUUID();
    if (!(yield* ledger.begin(organization, count))) return undefined;
    const sums: Record<string, Weight> = {};
    /** Of each counted file a part of its random name, which takes eight bytes. */
    const counted: Array<number> = [];
    /** Entries that the list agrees with. */
    const met = new Set<string>();
    const doubtful = new Map<string, string>();

    return {
      add: Effect.fnUntraced(function* (files) {
        const keys = files.map(({ key }) => key);
        const entries = yield* ledger.during(organization, count, keys);
        if (entries === undefined) return yield* ENDED;
        const now = yield* Clock.currentTimeMillis;
        const steps: Array<Step> = [];
        for (const { key, size, age } of files) {
          const text = entries[key] ?? "";
          const entry = readEntry(text);
          if (entry === undefined && age < LONGEST_RECEIPT) {
            // A confirm may come still.
            const confirmUntil = now + LONGEST_RECEIPT - age;
            const fact = { is: "stored", size, confirmUntil, isFinal: true } as const;
            steps.push({ key, from: "", step: nextUsage(undefined, fact, now) });
            met.add(key);
          } else if (entry === undefined) {
            add(sums, key, { files: 1, bytes: size });
            counted.push(nameOf(key));
          } else if (entry.state === "stored" && entry.size === size) met.add(key);
          else doubtful.set(key, text);
        }
        // One by one if another process has made an entry meanwhile, which then counts.
        const { refused } = yield* ledger.change(organization, changeOf(steps));
        if (refused === undefined) return;
        for (const step of steps) yield* ledger.change(organization, changeOf([step]));
      }),
      unseen: Effect.gen(function* () {
        let after: string | undefined = "";
        while (after !== undefined) {
          const page: Effect.Success<ReturnType<Ledger["scan"]>> = yield* ledger.scan(
            organization,
            after,
          );
          for (const [key, text] of Object.entries(page.entries)) {
            if (key.startsWith("#")) continue;
            if ("files" in weigh(readEntry(text)) && !met.has(key)) doubtful.set(key, text);
          }
          after = page.next;
        }
        const at = yield* Clock.currentTimeMillis;
        return [...doubtful].map(([key, entry]): Doubt => ({
          key: key as StorageKey,
          entry,
          at,
          isRecounting: true,
        }));
      }),
      finish: Effect.gen(function* () {
        for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
          const late = yield* ledger.late(organization, count);
          if (late === undefined) return yield* ENDED;
          const names = new Map(Object.keys(late).map((key) => [nameOf(key), key]));
          const rest = { ...sums };
          for (const name of counted) {
            const key = names.get(name);
            if (key !== undefined)
              add(rest, key as StorageKey, { files: 1, bytes: late[key] ?? 0 }, -1);
          }
          const result = { sums: rest, late: names.size };
          if (yield* ledger.finish(organization, count, result)) return;
        }
        return yield* ENDED;
      }),
      end: ledger.end(organization, count),
    };
  });

const MOST_ATTEMPTS = 20;

/** Reads 48 random bits of a file's name. */
const nameOf = (key: string): number =>
  Number.parseInt(
    key
      .slice(key.lastIndexOf("/") + 1)
      .replace("-", "")
      .slice(0, 12),
    16,
  );

const ENDED = new LimitsUnavailable({
  reason: "a count of stored files was interrupted, or another one has begun",
});
