import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import { dispositionOf } from "../domain/disposition.ts";
import { FileName } from "../domain/file-name.ts";
import { MediaType } from "../domain/media-type.ts";
import { OrganizationId } from "../domain/organization.ts";
import { format } from "../domain/storage-key.ts";
import { defaultPolicy } from "../domain/upload-policy.ts";
import { Limiter } from "./ports/limiter.ts";
import { ObjectStore } from "./ports/object-store.ts";
import { Presigner } from "./ports/presigner.ts";

/** The state of one part of the service. */
export interface PartState {
  readonly state: "ok" | "failing";
  /** When this state began. */
  readonly since: DateTime.Utc;
  /** For the operator, if the part is failing. */
  readonly reason?: string;
}

/** The states of signing, of writing once, of the store and of the counter. */
export interface Readiness {
  readonly signing: PartState;
  readonly store: PartState;
  readonly limits: PartState;
  /** Left out if the store's bucket does not decide it. */
  readonly writeOnce?: PartState;
}

/**
 * Makes the check, which signs a URL and asks the store for its bucket. Each part has 2 seconds to
 * answer and an answer is kept for 5 seconds, so that probes neither pile up nor hang.
 */
export const makeReadinessCheck = Effect.suspend(() => checkWithin("2 seconds"));

/**
 * The same check with 10 seconds for each part, since some stores need seconds to make a bucket.
 */
export const makePatientCheck = Effect.suspend(() => checkWithin("10 seconds"));

const checkWithin = Effect.fnUntraced(function* (timeout: Timeout) {
  const presigner = yield* Presigner;
  const store = yield* ObjectStore;
  const signing = watch("signing", presigner.get(PROBE), timeout);
  const bucket = watch("the store", store.ensureBucket, timeout);
  const limits = watch("the request counter", (yield* Limiter).check, timeout);
  // Its log lines go to the service's log, whoever runs the check.
  const services = yield* Effect.context();
  const once = store.writeOnce && watch("write-once", store.writeOnce.look, timeout);
  const parts = { signing, store: bucket, limits, ...(once && { writeOnce: once }) };
  const all = Effect.all(parts, { concurrency: "unbounded" });
  return yield* Effect.cachedWithTTL(Effect.provideContext(all, services), "5 seconds");
});

/**
 * Runs `probe` for its state, and keeps the time of the last change. The first result is not
 * logged, since whoever asks first reports it; each later change is logged once.
 */
function watch(
  part: string,
  probe: Effect.Effect<unknown, { readonly reason: string }>,
  timeout: Timeout,
): Effect.Effect<PartState> {
  let last: PartState | undefined;
  const tooLate = { reason: `there was no answer within ${timeout}` };
  return Effect.gen(function* () {
    const now = DateTime.makeUnsafe(yield* Clock.currentTimeMillis);
    const reason = yield* probe.pipe(
      Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.fail(tooLate) }),
      Effect.match({ onSuccess: () => undefined, onFailure: (failure) => failure.reason }),
    );
    const state = reason === undefined ? "ok" : "failing";
    const since = last?.state === state ? last.since : now;
    if (last !== undefined && last.reason !== reason) {
      yield* reason === undefined
        ? Effect.logInfo(`${part} is ready again`)
        : Effect.logWarning(`${part} is not ready`, { reason });
    }
    last = reason === undefined ? { state, since } : { state, since, reason };
    return last;
  });
}

type Timeout = `${number} seconds`;

const PROBE_TYPE = MediaType.make("text/plain");
const PROBE = {
  key: format({
    organization: OrganizationId.make("readiness"),
    year: 1970,
    month: 1,
    uuid: "00000000-0000-4000-8000-000000000000",
    extension: ".txt",
  }),
  lifetime: defaultPolicy.putLifetime,
  minLifetime: defaultPolicy.minLifetime,
  audience: "internal",
  responseMediaType: PROBE_TYPE,
  responseDisposition: dispositionOf(PROBE_TYPE, FileName.make("readiness.txt")),
} as const;
