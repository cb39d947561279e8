import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Record from "effect/Record";
import * as Schema from "effect/Schema";
import { hash } from "node:crypto";
import type { Publishing } from "../../application/ports/events.ts";
import type { StorageKey } from "../../domain/storage-key.ts";
import { EVENTS, type UploadEvent } from "../../domain/upload-event.ts";
import { snakeCase } from "../names.ts";
import { isoText } from "../time.ts";
import { dispatch } from "./dispatch.ts";
import type { Message, Outbox } from "./outbox.ts";
import type { Receiver } from "./send.ts";

/** Gives the `file_url` of a file. */
type Address = (
  slug: string,
  file: { readonly key: StorageKey; readonly version?: string },
) => string;

/** Publishes events into `outbox`, and sends them on until the scope closes. */
export const makeEvents = Effect.fnUntraced(function* ({
  outbox,
  receiver,
  address,
}: {
  readonly outbox: Outbox;
  readonly receiver: () => Receiver;
  readonly address: Address;
}) {
  const lookAgain = yield* dispatch(outbox, receiver);
  return {
    publish: (event) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.map(outbox.put(messageFrom(event, now, address)), lookAgain),
      ),
    check: Effect.asVoid(outbox.check),
  } satisfies Publishing;
});

/** The id is made of the facts, so that to confirm again makes no second event. */
export function messageFrom(event: UploadEvent, now: number, address: Address): Message {
  const { type, slug, data: facts } = event;
  const schema: Schema.Encoder<object> = EVENTS[type];
  const encoded = Schema.encodeSync(schema)(facts) as Readonly<globalThis.Record<string, unknown>>;
  const data = Record.mapKeys(encoded, snakeCase);
  const digest = hash("sha256", JSON.stringify([type, data]), "base64url");
  const fileUrl = slug === undefined ? {} : { file_url: address(slug, facts) };
  const body = { type, timestamp: isoText(now), data: { ...data, ...fileUrl } };
  return { id: `evt_${digest.slice(0, 32)}`, lane: facts.key, body: JSON.stringify(body) };
}
