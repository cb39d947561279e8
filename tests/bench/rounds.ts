/** Something to be measured: runs for a while and gives its operations per second. */
export interface Contender {
  readonly name: string;
  readonly run: () => Promise<number>;
}

/**
 * Runs all contenders in turn, round after round, so that a machine whose speed drifts drifts
 * for all of them; prints median and spread, and the ratio of the first to each other, which is
 * taken within each round.
 */
export async function compare(
  title: string,
  contenders: readonly [Contender, ...Array<Contender>],
  rounds: number,
): Promise<void> {
  console.log(`\n${title} (${rounds} rounds)`);
  const rates = contenders.map((): Array<number> => []);
  // The first round warms up and is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const [i, { run }] of contenders.entries()) {
      const rate = await run();
      if (round > 0) rates[i]?.push(rate);
    }
  }
  for (const [i, { name }] of contenders.entries()) {
    console.log(`  ${name.padEnd(48)} ${describe(rates[i] ?? [], 0)} a second`);
  }
  for (const [i, { name }] of contenders.entries()) {
    if (i === 0) continue;
    const ratios = rates[0]?.map((rate, round) => rate / (rates[i]?.[round] ?? Number.NaN)) ?? [];
    console.log(`  ratio to ${name.padEnd(39)} ${describe(ratios, 2)}`);
  }
}

/** Operations per second of a function, called for `milliseconds`. */
export function rateOf(milliseconds: number, operation: () => unknown): () => Promise<number> {
  return async () => {
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < milliseconds) {
      for (let i = 0; i < 100; i++) {
        const result = operation();
        if (result instanceof Promise) await result;
      }
      count += 100;
    }
    return (count / (performance.now() - start)) * 1000;
  };
}

function describe(values: ReadonlyArray<number>, digits: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  const show = (value = Number.NaN) =>
    value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const median = sorted[Math.floor(sorted.length / 2)];
  return `${show(median).padStart(9)}  (${show(sorted[0])} to ${show(sorted.at(-1))})`;
}
