import { personalFolder, type StorageKey } from "../../../domain/storage-key.ts";
import {
  readEntry,
  type UsageEntry,
  type UsageStep,
  weigh,
  type Weight,
  writeEntry,
} from "../../../domain/stored-bytes.ts";
import type { Change } from "./ledger.ts";

export interface Step {
  readonly key: StorageKey;
  readonly from: string;
  readonly step: UsageStep | undefined;
}

/** A change of nothing, which reads. */
export const NO_CHANGE: Change = {
  entries: {},
  more: {},
  settled: {},
  late: {},
  limits: [],
  needsKnown: false,
  folders: [],
};

/** Makes the change of these steps, which hold while the entries are as they were read. */
export function changeOf(steps: ReadonlyArray<Step>, asked: Partial<Change> = {}): Change {
  const more: Record<string, Weight> = {};
  const settled: Record<string, Weight> = {};
  const late: Record<string, number> = {};
  for (const { key, from, step } of steps) {
    if (step === undefined) continue;
    addEntry(more, key, step.entry, 1);
    addEntry(more, key, readEntry(from), -1);
    add(settled, key, step.settled ?? {});
    const { files = 0, bytes = 0 } = step.settled ?? {};
    if (files < 0) late[key] = -bytes;
  }
  const entries = Object.fromEntries(
    steps.map(({ key, from, step }) => [
      key,
      step === undefined
        ? { from, to: from, due: 0 }
        : { from, to: writeEntry(step.entry), due: step.due },
    ]),
  );
  return { ...NO_CHANGE, ...asked, entries, more, settled, late };
}

function addEntry(
  sums: Record<string, Weight>,
  key: StorageKey,
  entry: UsageEntry | undefined,
  sign: 1 | -1,
): void {
  const weight = weigh(entry);
  add(sums, key, weight, sign);
  if (entry?.by !== undefined && weight.open) addTo(sums, entry.by, { open: weight.open }, sign);
}

/** Adds what a key weighs to the sums of its organization, and of the person in whose folder it is. */
export function add(sums: Record<string, Weight>, key: StorageKey, weight: Weight, sign = 1): void {
  for (const folder of ["", personalFolder(key)]) {
    if (folder !== undefined) addTo(sums, folder, weight, sign);
  }
}

function addTo(sums: Record<string, Weight>, folder: string, weight: Weight, sign: number): void {
  const sum: Record<string, number> = { ...sums[folder] };
  for (const [name, value] of Object.entries(weight)) sum[name] = (sum[name] ?? 0) + sign * value;
  sums[folder] = sum;
}
