import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type { EventsUnavailable } from "../../domain/errors.ts";
import type { UploadEvent } from "../../domain/upload-event.ts";

export interface EventPublisher {
  /** Keeps an event until the receiver has it. The same event may be published again. */
  readonly publish: (event: UploadEvent) => Effect.Effect<void, EventsUnavailable>;
  /** Fails if events cannot be kept. */
  readonly check: Effect.Effect<void, EventsUnavailable>;
}

/** Publishes events; undefined by default, so that nothing is published. */
export const Events = Context.Reference<EventPublisher | undefined>("valetkey/Events", {
  defaultValue: () => undefined,
});
