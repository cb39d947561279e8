import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type { OrganizationId } from "../../../domain/organization.ts";
import type { Weight } from "../../../domain/stored-bytes.ts";
import { expiring, LONGEST } from "../expiring.ts";
import type { Change, Ledger, Outcome, Sums } from "./ledger.ts";

interface Account {
  readonly entries: Map<string, { text: string; due: number }>;
  /** What the entries weigh. */
  readonly live: Map<string, Record<string, number>>;
  settled: Map<string, Record<string, number>>;
  readonly plans: Map<string, number>;
  /** When the store was listed; undefined while that has to be done. */
  since?: number | undefined;
  caredAt: number;
  count?: { readonly id: string; readonly late: Record<string, number> };
}

const MINUTE = Duration.toMillis(Duration.minutes(1));
/** Entries that are decided at once. */
const MOST_DUE = 500;

/** Keeps accounts in this process: each is unknown after a start. */
export function ledgerInMemory(): Ledger {
  const accounts = expiring<Account, OrganizationId>();
  const accountOf = (organization: OrganizationId, now: number): Account => {
    const account = accounts.get(organization, now) ?? {
      entries: new Map(),
      live: new Map(),
      settled: new Map(),
      plans: new Map(),
      caredAt: -Infinity,
    };
    accounts.set(organization, account, now + LONGEST);
    return account;
  };
  const using =
    <Rest extends ReadonlyArray<unknown>, A>(
      use: (account: Account, now: number, ...rest: Rest) => A,
    ) =>
    (organization: OrganizationId, ...rest: Rest) =>
      Effect.map(Clock.currentTimeMillis, (now) => use(accountOf(organization, now), now, ...rest));

  return {
    organizations: Effect.map(Clock.currentTimeMillis, accounts.names),
    change: using(change),
    next: using(({ entries }, now, offset: number) =>
      [...entries]
        .filter(([, { due }]) => due > now)
        .toSorted(([, a], [, b]) => a.due - b.due)
        .slice(offset, offset + MOST_DUE)
        .map(([key, { text }]) => [key, text] as const),
    ),
    due: using((account, now) => {
      const due = [...account.entries].filter(([, entry]) => entry.due <= now).slice(0, MOST_DUE);
      for (const [, entry] of due) entry.due = now + MINUTE;
      return { entries: textsOf(due), now, isRecounting: account.count !== undefined };
    }),
    during: using((account, _, count: string, keys: ReadonlyArray<string>) =>
      account.count?.id === count
        ? textsOf(
            keys.flatMap((key) => {
              const entry = account.entries.get(key);
              return entry === undefined ? [] : [[key, entry] as const];
            }),
          )
        : undefined,
    ),
    scan: using(({ entries }) => ({ entries: textsOf([...entries]) })),
    begin: using((account, _, id: string) => {
      if (account.count !== undefined) return false;
      account.count = { id, late: {} };
      return true;
    }),
    late: using(({ count }, _, id: string) => (count?.id === id ? { ...count.late } : undefined)),
    finish: using((account, now, id: string, { sums, late }: { sums: Sums; late: number }) => {
      const { count } = account;
      if (count?.id !== id || Object.keys(count.late).length !== late) return false;
      account.settled = new Map();
      addAll(account.settled, sums);
      account.since = now;
      delete account.count;
      return true;
    }),
    end: using((account, _, id: string) => {
      if (account.count?.id === id) delete account.count;
    }),
    forget: using((account) => {
      account.since = undefined;
      account.caredAt = -Infinity;
      delete account.count;
    }),
  };
}

function change(account: Account, now: number, asked: Change): Outcome {
  const { entries, live, settled } = account;
  const isDue = asked.limits.length > 0 && now >= account.caredAt + MINUTE;
  const read = () => ({
    isKnown: account.since !== undefined,
    since: account.since,
    isDue,
    sums: asked.folders.map((folder) => ({
      ...sumOf(account, folder),
      plan: account.plans.get(folder),
    })),
  });
  const changed = Object.keys(asked.entries).filter(
    (key) => (entries.get(key)?.text ?? "") !== asked.entries[key]?.from,
  );
  if (changed.length > 0) {
    const current = changed.map((key) => [key, entries.get(key)?.text ?? ""]);
    return { ...read(), refused: { changed: Object.fromEntries(current) } };
  }
  if (isDue) account.caredAt = now;
  if (asked.needsKnown && account.since === undefined) return { ...read(), refused: "unknown" };
  const isEnding = Object.values(asked.settled).some(({ files = 0 }) => files > 0);
  if (isEnding && account.count !== undefined) return { ...read(), refused: "recounting" };
  for (const [at, { folder, bytes = Infinity, open = Infinity }] of asked.limits.entries()) {
    const sum = sumOf(account, folder);
    const more = asked.more[folder] ?? {};
    const total = sum.bytes + sum.granted + (more.granted ?? 0);
    const isOpen = sum.open + (more.open ?? 0);
    const full = total > bytes ? at : isOpen > open ? -1 - at : undefined;
    if (full !== undefined) return { ...read(), refused: { full } };
  }
  for (const [folder, plan] of Object.entries(asked.plans ?? {})) {
    if (plan === null) account.plans.delete(folder);
    else account.plans.set(folder, plan);
  }
  for (const [key, { to, due }] of Object.entries(asked.entries)) {
    if (to === "") entries.delete(key);
    else entries.set(key, { text: to, due: due || (entries.get(key)?.due ?? Infinity) });
  }
  addAll(live, asked.more);
  addAll(settled, asked.settled);
  Object.assign(account.count?.late ?? {}, asked.late);
  return read();
}

const textsOf = (entries: Iterable<readonly [string, { readonly text: string }]>) =>
  Object.fromEntries(Array.from(entries, ([key, { text }]) => [key, text]));

function addAll(sums: Map<string, Record<string, number>>, more: Sums): void {
  for (const [folder, weight] of Object.entries(more)) {
    const sum = sums.get(folder) ?? {};
    for (const [name, value] of Object.entries(weight)) sum[name] = (sum[name] ?? 0) + value;
    if (Object.values(sum).some((value) => value !== 0)) sums.set(folder, sum);
    else sums.delete(folder);
  }
}

function sumOf({ live, settled }: Account, folder: string): Required<Weight> {
  const sum = (name: string) =>
    Math.max(0, (live.get(folder)?.[name] ?? 0) + (settled.get(folder)?.[name] ?? 0));
  return { files: sum("files"), bytes: sum("bytes"), granted: sum("granted"), open: sum("open") };
}
