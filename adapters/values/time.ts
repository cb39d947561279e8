/**
 * Writes an instant, in milliseconds since 1970, as ISO 8601 in UTC. The texts of the last seconds
 * are cached: to write one costs as much as a signature.
 */
export function isoText(milliseconds: number): string {
  const second = Math.floor(milliseconds / 1000);
  const rest = String(milliseconds - second * 1000).padStart(3, "0");
  return `${seconds.get(second) ?? keep(second)}${rest}Z`;
}

/** Texts by second, up to the decimal point. */
const seconds = new Map<number, string>();
const MOST_KEPT = 16;

function keep(second: number): string {
  const text = new Date(second * 1000).toISOString().slice(0, -"000Z".length);
  if (seconds.size === MOST_KEPT) seconds.clear();
  seconds.set(second, text);
  return text;
}
