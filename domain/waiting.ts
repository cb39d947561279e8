import * as Duration from "effect/Duration";
import { Lifetime } from "./lifetime.ts";
import { MULTIPART_LIFETIME } from "./multipart.ts";
import { CONFIRM_GRACE } from "./receipt.ts";
import type { UploadPolicy } from "./upload-policy.ts";

/** The first whole day after an upload at which nobody can confirm it any more. */
const daysAfterPut = (putLifetime: Duration.Duration) =>
  Math.floor(
    Duration.toDays(Duration.sum(Duration.max(putLifetime, MULTIPART_LIFETIME), CONFIRM_GRACE)),
  ) + 1;

/**
 * The age in days at which uploads are removed that nobody has confirmed, with a mark and below
 * `incoming/`: that of the policy whose uploads wait longest, and 0 if none of them waits so.
 */
export function waitingDays(policies: ReadonlyArray<UploadPolicy>) {
  const longest = (wanted: UploadPolicy["arrival"], days: (policy: UploadPolicy) => number) =>
    Math.max(0, ...policies.filter(({ arrival }) => arrival === wanted).map(days));
  return {
    marked: longest("direct", ({ unconfirmedAfter = 0 }) => unconfirmedAfter),
    incoming: longest(
      "incoming",
      ({ putLifetime, unconfirmedAfter = daysAfterPut(putLifetime) }) => unconfirmedAfter,
    ),
  };
}

/** The age in days at which no upload of any policy can be confirmed any more. */
export const MOST_DAYS_OF_WAITING = daysAfterPut(Lifetime.make(Duration.days(7)));
