/** Sizes, times and failures as a person reads them. */

/** @param {number} count */
export const inBytes = (count) => `${count.toLocaleString()} ${count === 1 ? "byte" : "bytes"}`;

const UNITS = ["KiB", "MiB", "GiB", "TiB"];

/**
 * A size in the unit in which it has up to three digits.
 * @param {number} count
 */
export function inUnits(count) {
  if (count < 1024) return inBytes(count);
  let size = count / 1024;
  let unit = 0;
  for (; size >= 1000 && unit < UNITS.length - 1; unit += 1) size /= 1024;
  const digits = { maximumFractionDigits: size < 10 ? 1 : 0 };
  return `${size.toLocaleString(undefined, digits)} ${UNITS[unit]}`;
}

/** @param {number} seconds */
export function inTime(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

/** @param {number} moment In milliseconds since 1970. */
export const atClock = (moment) => CLOCK.format(moment);

const RETRIES = {
  network: "No answer",
  busy: "Too busy to answer",
  expired: "The signed URL expired",
  offline: "This browser is offline",
  paused: "Paused",
  elsewhere: "Another tab uploads this file",
};

/**
 * Why an upload tries again, and when.
 * @param {{ reason: keyof typeof RETRIES, delay: number, until?: number }} retrying
 */
export function inWords({ reason, delay, until = 0 }) {
  if (reason === "offline") return `${RETRIES.offline}: it goes on when there is a network.`;
  if (reason === "paused") return "Paused.";
  if (reason === "elsewhere") return `${RETRIES.elsewhere}: this one waits for it.`;
  if (reason === "expired") return `${RETRIES.expired}: a new one was asked for.`;
  const left = inTime((until - Date.now()) / 1000);
  return `${RETRIES[reason]}: tried again in ${inTime(delay / 1000)}, given up in ${left}.`;
}
