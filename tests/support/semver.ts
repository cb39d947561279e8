/** A version as https://semver.org has it (2), without build metadata, which npm drops. */
export const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

/** Negative where `a` comes before `b` (https://semver.org, 11). */
export function order(a: string, b: string): number {
  const [x, y] = [partsOf(a), partsOf(b)];
  for (const at of [0, 1, 2] as const) {
    const difference = Number(x.numbers[at]) - Number(y.numbers[at]);
    if (difference !== 0) return difference;
  }
  if (x.before.length === 0 || y.before.length === 0) return y.before.length - x.before.length;
  for (const [at, part] of x.before.entries()) {
    const other = y.before[at];
    if (other === undefined) return 1;
    if (part !== other) return orderOfParts(part, other);
  }
  return x.before.length - y.before.length;
}

function partsOf(version: string) {
  const [numbers = "", ...before] = version.split("-");
  return {
    numbers: numbers.split("."),
    before: before.length === 0 ? [] : before.join("-").split("."),
  };
}

/** Numbers by their size and before all words. */
function orderOfParts(a: string, b: string): number {
  const [isNumber, otherIsNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumber && otherIsNumber) return Number(a) - Number(b);
  if (isNumber !== otherIsNumber) return isNumber ? -1 : 1;
  return a < b ? -1 : 1;
}
