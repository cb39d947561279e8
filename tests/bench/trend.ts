/** Whether a series grows, by what nothing but the order of its values decides. */
interface Trend {
  /** The median of the slopes between any two values (Theil and Sen), from the first to the last. */
  readonly growth: number;
  /** How likely a series without a trend looks like this, or grows more (Mann and Kendall). */
  readonly chance: number;
}

export function trendOf(values: ReadonlyArray<number>): Trend {
  const slopes: Array<number> = [];
  let score = 0;
  for (const [i, a] of values.entries()) {
    for (const [j, b] of values.entries()) {
      if (j <= i) continue;
      slopes.push((b - a) / (j - i));
      score += Math.sign(b - a);
    }
  }
  slopes.sort((a, b) => a - b);
  const n = values.length;
  const deviation = Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  return {
    growth: (slopes[slopes.length >> 1] ?? 0) * (n - 1),
    chance: 1 - normal(Math.max(0, score - 1) / deviation),
  };
}

/** The normal distribution, by the approximation of Zelen and Severo (26.2.17), good to 1e-7. */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const factors = [1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.31938153];
  const sum = factors.reduce((value, factor) => value * t + factor, 0) * t;
  return 1 - (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * sum;
}
