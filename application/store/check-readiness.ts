import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import { ByteSize } from "../../domain/byte-size.ts";
import { MediaType } from "../../domain/media-type.ts";
import { StorageKey } from "../../domain/storage-key.ts";
import { defaultPolicy } from "../../domain/upload-policy.ts";
import { cachedFor } from "../resilience/cached.ts";
import { Events } from "../ports/events.ts";
import { Limiter } from "../ports/limiter.ts";
import { ObjectStore } from "../ports/object-store.ts";
import { Presigner } from "../ports/presigner.ts";
import { Scanner } from "../ports/scanner.ts";

/** The state of one part of the service. */
export interface PartState {
  readonly state: "ok" | "failing";
  readonly since: DateTime.Utc;
  /** The reason, for the operator, if the part is failing. */
  readonly reason?: string;
  /** True if only another configuration helps. */
  readonly isFinal?: boolean;
  /** The certificate of the store's abilities, for the operator. */
  readonly certificate?: string;
}

/** The states of the parts of a service; unused parts are left out. */
export type Readiness = Readonly<Record<"signing" | "store" | "limits", PartState>> & {
  readonly [Part in "writeOnce" | "scanner" | "events" | "policies" | "stores"]?:
    | PartState
    | undefined;
};

/** A check of the services in its context. */
export type ReadinessCheck = Effect.Effect<Readiness, never, Limiter | ObjectStore | Presigner>;

/**
 * Makes the check, which signs a URL and calls the store for its bucket. Each part has `timeout` to
 * answer, and an answer is cached for 5 seconds unless it `isStale`: probes neither pile up nor
 * hang. `policiesProblem` returns why the file of policies cannot be read again, if so, and
 * `storesProblem` which other stores are not ready.
 */
export const makeReadinessCheck = (
  timeout: Timeout,
  isStale?: () => boolean,
  policiesProblem?: () => string | undefined,
  storesProblem?: () => string | undefined,
): Effect.Effect<ReadinessCheck> => {
  const once = watch("write-once", timeout);
  const stored = watch("the store", timeout);
  const scanned = watch("the scanner", timeout);
  const kept = watch("the queue of events", timeout);
  const read = watch("the file of policies", timeout, { isLogged: false });
  const placed = watch("the stores", timeout, { isLogged: false });
  const parts = {
    signing: canSign.pipe(watch("signing", timeout)),
    store: ObjectStore.use(({ ensureBucket, certificate }) =>
      Effect.map(stored(ensureBucket), (state) => ({
        ...state,
        ...(certificate && { certificate }),
      })),
    ),
    limits: Limiter.use(({ check }) => check).pipe(watch("the request counter", timeout)),
    writeOnce: ObjectStore.use(({ checkState }) =>
      checkState ? once(checkState) : Effect.undefined,
    ),
    scanner: Effect.flatMap(Scanner, (scanner) =>
      scanner ? scanned(scanner.check) : Effect.undefined,
    ),
    events: Effect.flatMap(Events, (publisher) =>
      publisher ? kept(publisher.check) : Effect.undefined,
    ),
    policies: policiesProblem
      ? read(Effect.suspend(() => failWith(policiesProblem())))
      : Effect.undefined,
    stores: storesProblem
      ? placed(Effect.suspend(() => failWith(storesProblem())))
      : Effect.undefined,
  };
  return cachedFor(Effect.all(parts, { concurrency: "unbounded" }), "5 seconds", isStale);
};

const PROBE = {
  key: StorageKey.make("orgs/readiness/files/1970/01/00000000-0000-4000-8000-000000000000.txt"),
  lifetime: defaultPolicy.putLifetime,
  minLifetime: defaultPolicy.minLifetime,
  audience: "internal",
  contentType: MediaType.make("text/plain"),
  size: ByteSize.make(1),
  writeOnce: false,
  strict: false,
  responseMediaType: MediaType.make("text/plain"),
  responseDisposition: "inline",
} as const;

/** Signs a download and an upload that nobody makes. */
export const canSign = Presigner.use(({ get, put }) =>
  Effect.all([get(PROBE), put(PROBE)], { concurrency: "unbounded" }),
);

const failWith = (reason: string | undefined) =>
  reason === undefined ? Effect.void : Effect.fail({ reason });

/** Logs each change of state once. The caller reports the first result, unless `logsFirst`. */
export const watch = (
  part: string,
  timeout: Timeout,
  { isLogged = true, logsFirst = false } = {},
) => {
  let last: PartState | undefined;
  const tooLate = { reason: `there was no answer within ${timeout}` };
  return <R>(probe: Probe<R>): Effect.Effect<PartState, never, R> =>
    Effect.gen(function* () {
      const now = yield* DateTime.now;
      const { reason, isFinal }: Partial<Failure> = yield* probe.pipe(
        Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.fail(tooLate) }),
        Effect.match({ onSuccess: () => ({}), onFailure: (failure) => failure }),
      );
      const state = reason === undefined ? "ok" : "failing";
      const since = last?.state === state ? last.since : now;
      if (isLogged && (logsFirst || last !== undefined) && last?.reason !== reason) {
        yield* reason === undefined
          ? Effect.logInfo(`${part} is ready again`)
          : Effect.logWarning(`${part} is not ready`, { reason });
      }
      last = { state, since, ...(reason !== undefined && { reason }), ...(isFinal && { isFinal }) };
      return last;
    });
};

type Failure = Required<Pick<PartState, "reason">> & Pick<PartState, "isFinal">;
type Probe<R> = Effect.Effect<unknown, Failure, R>;
type Timeout = `${number} seconds`;
