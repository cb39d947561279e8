import * as Effect from "effect/Effect";
import type * as Redacted from "effect/Redacted";
import type { NotificationForm } from "../../../application/ports/notification-form.ts";
import { confirmAnnounced } from "../../../application/uploads/confirm-announced.ts";
import { Unauthenticated } from "../../../domain/errors.ts";
import { DEFAULT_STORE } from "../../../domain/place.ts";
import { INCOMING_PREFIX, type StorageKey } from "../../../domain/storage-key.ts";
import { json } from "../answer.ts";
import { BODY_REFUSALS } from "../openapi/refused-answers.ts";
import { type PublicRequest, publicRoute } from "../operations/operation.ts";
import { problemDocument } from "../problems/answer-problem.ts";
import { problemFrom } from "../problems/problem.ts";
import { InvalidBody } from "../problems/refusals.ts";
import { readJson } from "../operations/request-body.ts";
import { secretCheck } from "./secret.ts";

/** Largest notification, in bytes: SNS and EventBridge send no larger ones. */
const LIMIT = 256 * 1024;
const AT_ONCE = 4;

/** The path to which a store tells of uploads; one of several by its name. */
export const notificationPath = (api: string, store?: string): `/${string}` =>
  `/api/v1/events/${api}${store === undefined || store === DEFAULT_STORE ? "" : `/${store}`}`;

/** Takes notifications of a bucket as hints: only the name of an object is used. */
export function notificationRoute(
  { api, name }: { readonly api: string; readonly name: string },
  { secretInQuery, read }: NotificationForm,
  secrets: Redacted.Redacted<ReadonlyArray<string>>,
) {
  const hasSecret = secretCheck(secrets, { inQuery: secretInQuery });

  const take = Effect.fnUntraced(function* ({ c: { req }, recordFacts }: PublicRequest) {
    if (!hasSecret(req.raw)) return yield* new Unauthenticated({ by: "secret" });
    const reading = Effect.promise(() => readJson(req.raw, LIMIT, { isTyped: false }));
    const body = yield* Effect.fromResult(yield* reading);
    const { made, answer } = yield* Effect.mapError(read(body), () => UNKNOWN);
    if (answer !== undefined) return json(answer);
    const keys = new Set(made.flatMap((each) => (each?.bucket === name ? [each.key] : [])));
    const counts = { confirmed: 0, refused: 0, ignored: made.length - keys.size };
    const confirm = (key: string) =>
      // A failed key is one of this service.
      Effect.tapError(confirmAnnounced(key), () =>
        Effect.sync(() => recordFacts?.({ key: key.slice(INCOMING_PREFIX.length) as StorageKey })),
      );
    const outcomes = yield* Effect.forEach(keys, (key) => Effect.result(confirm(key)), {
      concurrency: AT_ONCE,
    });
    // Objects confirmed already are confirmed again when the store repeats the notification.
    for (const outcome of outcomes) counts[yield* Effect.fromResult(outcome)]++;
    return json(counts);
  });

  return publicRoute({
    methods: ["POST"],
    path: notificationPath(api),
    action: "notify",
    handler: (request) =>
      Effect.catchTag(take(request), "UploadPending", (refusal) => {
        const problem = problemFrom(refusal);
        // A store would take 202 as success.
        return Effect.succeed({
          ...problemDocument({ ...problem, status: 503 }),
          code: problem.code,
        });
      }),
    refusals: {
      Unauthenticated: true,
      ...BODY_REFUSALS,
      StoreUnavailable: true,
      ScannerUnavailable: true,
      EventsUnavailable: true,
      LimitsUnavailable: true,
    },
  });
}

const UNKNOWN = new InvalidBody({
  errors: [{ pointer: "", reason: "it is of no form in which a store tells of new objects" }],
});
