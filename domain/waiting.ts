import * as Duration from "effect/Duration";
import { Lifetime } from "./lifetime.ts";
import { MULTIPART_LIFETIME } from "./multipart.ts";
import { CONFIRM_GRACE } from "./receipt.ts";
import type { UploadPolicy } from "./upload-policy.ts";

/** Returns the first whole day after an upload on which it can no longer be confirmed. */
const daysAfterPut = (putLifetime: Duration.Duration) =>
  Math.floor(
    Duration.toDays(Duration.sum(Duration.max(putLifetime, MULTIPART_LIFETIME), CONFIRM_GRACE)),
  ) + 1;

/**
 * Returns the age in days at which unconfirmed uploads below `incoming/` are removed: that of the
 * policy whose uploads wait longest, and 0 if none waits.
 */
export const waitingDays = (policies: ReadonlyArray<UploadPolicy>): number =>
  Math.max(
    0,
    ...policies
      .filter(({ arrival }) => arrival === "incoming")
      .map(({ putLifetime, unconfirmedAfter = daysAfterPut(putLifetime) }) => unconfirmedAfter),
  );

/** The age in days from which no upload of any policy can be confirmed. */
export const MOST_DAYS_OF_WAITING = daysAfterPut(Lifetime.make(Duration.days(7)));
