import * as Effect from "effect/Effect";
import * as Schedule from "effect/Schedule";
import type { ObjectStore } from "../../../application/ports/object-store.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";

/** Some stores need seconds to make a bucket. */
const ATTEMPT_TIMEOUT = "30 seconds";
const TOO_LATE = new StoreUnavailable({
  kind: "timeout",
  reason: `there was no answer within ${ATTEMPT_TIMEOUT}`,
});

const BACK_OFF = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("1 minute")]);

/** Retries as long as the scope lasts, since the store may start after the service. */
export const makeBucketInBackground = Effect.fnUntraced(function* (
  store: ObjectStore["Service"],
  { bucket, createBucket }: { readonly bucket: string; readonly createBucket: boolean },
  what = "bucket",
) {
  if (!createBucket) return;
  let failures = 0;
  yield* store.ensureBucket.pipe(
    Effect.timeoutOrElse({ duration: ATTEMPT_TIMEOUT, orElse: () => Effect.fail(TOO_LATE) }),
    Effect.tapError(({ reason }) =>
      failures++ === 0
        ? Effect.logWarning(`the ${what} could not be made yet; trying again`, { bucket, reason })
        : Effect.void,
    ),
    Effect.retry(BACK_OFF),
    Effect.tap(() =>
      failures > 0 ? Effect.logInfo(`the ${what} exists now`, { bucket }) : Effect.void,
    ),
    Effect.ignore,
    Effect.forkScoped,
  );
});
