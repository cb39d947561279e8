import { type Answer, type Cause, cause } from "./cause.ts";
import type { Signed } from "./signed-url.ts";

/** Whether the URL has expired, or the clocks differ. */
const TOLERATED = 60_000;

export function ofTime({ at, seconds }: Signed, answer: Answer, now: number): ReadonlyArray<Cause> {
  const end = at + seconds * 1000;
  const storeTime = Date.parse(/<ServerTime>([\dTZ:.-]{1,40})</.exec(answer.text)?.[1] ?? "");
  const apart = Math.abs(now - storeTime);
  if (apart > TOLERATED) {
    const how = now > storeTime ? "behind" : "ahead of";
    return [
      cause(
        `the store's clock is ${inWords(apart)} ${how} this machine's`,
        "set both clocks by NTP: sudo timedatectl set-ntp true",
      ),
    ];
  }
  if (now > end) {
    return [
      cause(
        `the URL has expired ${inWords(now - end)} ago; it was signed for ${inWords(seconds * 1000)}`,
        "ask for a new one, or lengthen put_lifetime or get_lifetime of the policy",
      ),
    ];
  }
  if (at - now > TOLERATED) {
    return [
      cause(
        `the URL was signed by a clock that is ${inWords(at - now)} ahead of this machine's`,
        "set the clock of the machine that signs by NTP: sudo timedatectl set-ntp true",
      ),
    ];
  }
  return CLOCK_CODES.has(answer.code ?? "") || /expired|not valid yet/i.test(answer.message ?? "")
    ? [
        cause(
          "the store says that the time is wrong, and by this machine's clock it is not: the clocks differ",
          "compare the Date header of the store's answer with `date -u`, and set the wrong clock by NTP",
        ),
      ]
    : [];
}

const CLOCK_CODES: ReadonlySet<string> = new Set([
  "RequestTimeTooSkewed",
  "RequestExpired",
  "ExpiredPresignRequest",
  "RequestNotReadyYet",
]);

/** A length of time, in its largest unit. */
function inWords(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  for (const [unit, length] of [
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
  ] as const) {
    const count = Math.round(seconds / length);
    if (seconds >= length) return `${count} ${unit}${count === 1 ? "" : "s"}`;
  }
  return `${seconds} second${seconds === 1 ? "" : "s"}`;
}
