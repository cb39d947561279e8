import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Schedule from "effect/Schedule";
import type * as Scope from "effect/Scope";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";

/** How long one attempt may take: some stores need seconds to make a bucket. */
const PATIENCE = "30 seconds";

/** Pauses of a second that grow to a minute. */
const BACK_OFF = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("1 minute")]);

/**
 * Makes the bucket in the background, where the configuration says so, and tries again for as long
 * as the scope lasts: the store may come up after those who use it.
 */
export const makeBucketInBackground =
  ({ bucket, createBucket }: { readonly bucket: string; readonly createBucket: boolean }) =>
  (store: Context.Context<ObjectStore>): Effect.Effect<void, never, Scope.Scope> => {
    if (!createBucket) return Effect.void;
    let isLate = false;
    return Context.get(store, ObjectStore).ensureBucket.pipe(
      Effect.timeoutOrElse({ duration: PATIENCE, orElse: () => Effect.fail(TOO_LATE) }),
      Effect.tapError(({ reason }) => {
        if (isLate) return Effect.void;
        isLate = true;
        return Effect.logWarning("the bucket could not be made yet; trying again", {
          bucket,
          reason,
        });
      }),
      Effect.retry(BACK_OFF),
      Effect.andThen(Effect.suspend(() => (isLate ? tellOfBucket(bucket) : Effect.void))),
      Effect.ignore,
      Effect.forkScoped,
      Effect.asVoid,
    );
  };

const TOO_LATE = new StoreUnavailable({ reason: `there was no answer within ${PATIENCE}` });

const tellOfBucket = (bucket: string) => Effect.logInfo("the bucket exists now", { bucket });
