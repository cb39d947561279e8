import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Record from "effect/Record";
import * as Schema from "effect/Schema";
import { ParentSpan } from "effect/Tracer";
import { hash } from "node:crypto";
import type { EventPublisher } from "../../application/ports/events.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { EventsUnavailable } from "../../domain/errors.ts";
import type { StorageKey } from "../../domain/storage-key.ts";
import { EVENTS, type UploadEvent } from "../../domain/upload-event.ts";
import { BoundedMap } from "../values/bounded-map.ts";
import { snakeCase } from "../values/names.ts";
import { isoText } from "../values/time.ts";
import { type Deliver, dispatch } from "./dispatch.ts";
import { full, type Message, MOST_WAITING, type Outbox, type Outcome } from "./outbox.ts";

/** Returns the addresses of a file, whose store has public files at `publicRoot` if a CDN has. */
export type Addresses = (
  slug: string,
  file: { readonly key: StorageKey; readonly version?: string },
  publicRoot?: string,
) => { readonly file_url: string; readonly public_url: string | undefined };

/** Publishes events into `outbox`, and delivers them until the scope closes. */
export const makeEvents = Effect.fnUntraced(function* ({
  outbox,
  deliver,
  addresses,
  onSettled,
}: {
  readonly outbox: Outbox;
  readonly deliver: Deliver;
  readonly addresses: Addresses;
  readonly onSettled?: ((state: Outcome["state"]) => void) | undefined;
}) {
  let hasFailed = false;
  const watched = <A>(call: Effect.Effect<A, EventsUnavailable>) =>
    Effect.tapError(call, () => Effect.sync(() => void (hasFailed = true)));
  // Each process looks for what is due once a second.
  const traces = new BoundedMap<string, Context.Context<never>>(1000);
  const queue: Outbox = {
    ...outbox,
    put: (message) =>
      Effect.withFiber(({ cache: { span } }) => {
        if (span !== undefined) traces.set(message.id, Context.make(ParentSpan, span));
        return watched(outbox.put(message));
      }),
    claim: Effect.map(watched(outbox.claim), (it) => it && { ...it, trace: traces.get(it.id) }),
  };
  const kept = keepIn(queue, addresses);
  const lookAgain = yield* dispatch(queue, deliver, onSettled);
  return {
    ...kept,
    publish: (event) => Effect.map(kept.publish(event), lookAgain),
    counts: outbox.counts,
    /** Returns true once after failures. */
    hasFailed: () => {
      const since = hasFailed;
      hasFailed = false;
      return since;
    },
  } satisfies EventPublisher & Pick<Outbox, "counts"> & { hasFailed: unknown };
});

/** Publishes into `outbox`; another process delivers. */
export const keepIn = (outbox: Outbox, addresses?: Addresses): EventPublisher => ({
  publish: Effect.fnUntraced(function* (event) {
    const presigner = Option.getOrUndefined(yield* Effect.serviceOption(Presigner));
    const addressesHere: typeof addresses =
      addresses && ((slug, file) => addresses(slug, file, presigner?.publicRoot));
    yield* outbox.put(messageFrom(event, yield* Clock.currentTimeMillis, addressesHere));
  }),
  check: Effect.flatMap(Effect.andThen(outbox.check, outbox.counts), ({ waiting }) =>
    waiting < MOST_WAITING ? Effect.void : new EventsUnavailable({ reason: full(MOST_WAITING) }),
  ),
});

/**
 * Makes the message of an event. Its id depends on the upload and its bytes, so that confirming
 * again makes no second event.
 */
export function messageFrom(event: UploadEvent, now: number, addresses?: Addresses): Message {
  const { type, slug, data: facts } = event;
  const schema: Schema.Encoder<object> = EVENTS[type];
  const encoded = Schema.encodeSync(schema)(facts) as Readonly<globalThis.Record<string, unknown>>;
  const data = Record.mapKeys(encoded, snakeCase);
  // Changes of an organization's usage are told in their order, as those of a file are.
  const lane = "key" in facts ? facts.key : `usage ${facts.organization}`;
  const arrival = JSON.stringify([type, lane, arrivalOf(event)]);
  const digest = hash("sha256", arrival, "base64url");
  const body = {
    type,
    timestamp: isoText(now),
    data: { ...data, ...(slug && "key" in facts && addresses?.(slug, facts)) },
  };
  return { id: `evt_${digest.slice(0, 32)}`, lane, body: JSON.stringify(body) };
}

/** Without members that can change while the bytes stay, such as `final` or the version. */
function arrivalOf({ type, data, occurrence }: UploadEvent): unknown {
  if (type === "usage.threshold") return [data.subject, data.percent, occurrence];
  if (type === "upload.confirmed") return data.etag;
  if (type === "upload.refused_by_scan") return data.finding;
  if (type !== "upload.mismatched") return undefined;
  return data.differences.map(({ property, actual }) =>
    property === "last-modified" ? property : [property, actual],
  );
}
