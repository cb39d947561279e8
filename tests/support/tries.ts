/**
 * How often a property is tried: `runs` times, or a tenth as often in `npm test`, whose many runs a
 * day make up for it.
 */
export const tries = (runs: number): number =>
  process.env["TEST_RUN"] === "test" ? Math.ceil(runs / 10) : runs;
