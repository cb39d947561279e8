import * as Effect from "effect/Effect";
import type * as Redacted from "effect/Redacted";
import { Stores } from "../../../application/ports/stores.ts";
import type { NotificationForm } from "../../../application/ports/notification-form.ts";
import { Unauthenticated } from "../../../domain/errors.ts";
import type { StoreName } from "../../../domain/place.ts";
import type { PublicRoute } from "../operations/operation.ts";
import { NotFound } from "../problems/refusals.ts";
import { notificationPath, notificationRoute } from "./route.ts";
import { secretCheck } from "./secret.ts";

/** A store that may tell of uploads. */
interface Telling {
  readonly bucket?: { readonly api: string; readonly name: string };
  readonly notificationForm?: () => Promise<NotificationForm>;
}

/** Takes notifications of stores with names, each at its own path and in that store. */
export const namedNotificationRoutes = (
  find: (store: StoreName) => Telling | undefined,
  secrets: Redacted.Redacted<ReadonlyArray<string>>,
): ReadonlyArray<PublicRoute> =>
  ["s3", "gcs", "azure"].map((api) => {
    const hasSecret = secretCheck(secrets, { inQuery: true });
    return {
      methods: ["POST"],
      path: notificationPath(api, ":store"),
      action: "notify",
      handler: Effect.fnUntraced(function* (request) {
        // Strangers learn of no name.
        if (!hasSecret(request.c.req.raw)) return yield* new Unauthenticated({ by: "secret" });
        const store = request.c.req.param("store") as StoreName;
        const { bucket, notificationForm } = find(store) ?? {};
        const stores = yield* Stores;
        if (bucket?.api !== api || notificationForm === undefined || stores === undefined) {
          return yield* new NotFound();
        }
        const form = yield* Effect.promise(notificationForm);
        const { handler } = notificationRoute(bucket, form, secrets);
        return yield* Effect.provideContext(handler(request), yield* stores.named(store));
      }),
      refusals: { Unauthenticated: true, NotFound: true, StoreUnavailable: true },
    };
  });
