/** Something to be measured: runs for a while and gives what one operation cost. */
export interface Contender {
  readonly name: string;
  /** Microseconds of CPU for one operation. */
  readonly run: () => Promise<number>;
  /** Further columns by name, once all rounds are over. */
  readonly notes?: () => Readonly<Record<string, string>>;
}

/** Contenders that do the same work. */
export interface Comparison {
  readonly title: string;
  readonly contenders: ReadonlyArray<Contender>;
  /** Names of contenders with whose speed that of each is compared. */
  readonly references: ReadonlyArray<string>;
  /** What was to be measured and is not here, with the reason. */
  readonly missing: ReadonlyArray<string>;
  /** Stops what was started for it. */
  readonly close: () => Promise<unknown>;
}

/** What to measure. */
export interface Choice {
  readonly isWanted: (contender: string) => boolean;
  /** How much CPU a contender gets in a round. */
  readonly milliseconds: number;
}

/** What was measured of a contender. */
export interface Result {
  readonly name: string;
  /** Microseconds of CPU for one operation, in each round. */
  readonly costs: ReadonlyArray<number>;
  readonly notes: Readonly<Record<string, string>>;
}

/**
 * Runs all contenders in turn, round after round, so that a machine whose speed drifts drifts for
 * all of them.
 */
export async function measure(
  contenders: ReadonlyArray<Contender>,
  rounds: number,
): Promise<ReadonlyArray<Result>> {
  const costs = contenders.map((): Array<number> => []);
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const [i, { run }] of contenders.entries()) {
      const cost = await run();
      if (round >= 0) costs[i]?.push(cost);
    }
  }
  return contenders.map(({ name, notes }, i) => ({
    name,
    costs: costs[i] ?? [],
    notes: notes?.() ?? {},
  }));
}

/** Rounds that are not counted, until the engine has compiled what is hot. */
const WARM_UP = 3;

export function medianOf(values: ReadonlyArray<number>): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (i: number) => sorted[i] ?? Number.NaN;
  return (at(Math.floor((sorted.length - 1) / 2)) + at(Math.floor(sorted.length / 2))) / 2;
}

/** How fast a contender is where the speed of `reference` is 1: the median over the rounds. */
export const speedOf = (own: Result, reference: Result): number =>
  medianOf(own.costs.map((cost, i) => (reference.costs[i] ?? Number.NaN) / cost));

/** What was measured, as a table in Markdown. */
export function tableOf(
  { references }: Pick<Comparison, "references">,
  results: ReadonlyArray<Result>,
): string {
  const measured = results.filter(({ name }) => references.includes(name));
  const notes = [...new Set(results.flatMap((result) => Object.keys(result.notes)))];
  return markdown([
    ["", "µs of CPU", ...measured.map(({ name }) => `${name} = 1`), ...notes],
    ...results.map((result) => [
      result.name,
      short(medianOf(result.costs)),
      ...measured.map((reference) => speedOf(result, reference).toFixed(2)),
      ...notes.map((note) => result.notes[note] ?? ""),
    ]),
  ]);
}

/** A number to three digits, or all that stand before the point. */
export const short = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

/** Rows as a table in Markdown, of which the first is its head; numbers stand to the right. */
export function markdown(rows: ReadonlyArray<ReadonlyArray<string>>): string {
  const [head = [], ...body] = rows;
  const widths = head.map((_, i) => Math.max(3, ...rows.map((row) => row[i]?.length ?? 0)));
  const isNumber = head.map((_, i) => body.every((row) => /^[\d.,%+−-]*$/.test(row[i] ?? "")));
  const rule = widths.map((width, i) =>
    isNumber[i] ? `${"-".repeat(width - 1)}:` : "-".repeat(width),
  );
  const show = (row: ReadonlyArray<string>) =>
    line(
      row.map((cell, i) =>
        isNumber[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      ),
    );
  return [show(head), line(rule), ...body.map(show)].join("\n");
}

const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`;

/**
 * Microseconds of CPU that one call of a function takes, called until that many milliseconds of CPU
 * have been used; calls that wait are made 50 at a time, as a server makes them.
 */
export function costOf(milliseconds: number, operation: () => unknown): () => Promise<number> {
  return async () => {
    const before = process.cpuUsage();
    for (let count = 50; ; count += 50) {
      const calls = Array.from({ length: 50 }, operation);
      if (calls[0] instanceof Promise) await Promise.all(calls);
      const { user, system } = process.cpuUsage(before);
      if (user + system >= milliseconds * 1000) return (user + system) / count;
    }
  };
}
