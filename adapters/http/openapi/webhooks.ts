import * as Rec from "effect/Record";
import * as Schema from "effect/Schema";
import { type EventType, EVENTS } from "../../../domain/upload-event.ts";
import { confirmed, instant, publicUrl } from "../operations/schemas.ts";
import { wireSchema } from "../operations/wire.ts";

/** Of a file, for those who may open it. */
const ADDRESSES = { fileUrl: Schema.optionalKey(confirmed.fileUrl), publicUrl };

/** The bodies of messages. */
export const messageSchemas = Rec.map(EVENTS, ({ fields }, type: EventType) =>
  Schema.Struct({
    type: Schema.Literal(type),
    timestamp: instant("When it was published.", "2026-11-24T12:01:00.000Z"),
    data: Schema.Struct({
      ...fields,
      ...("key" in fields && ADDRESSES),
    }),
  }),
);

/** Describes the messages to a backend as OpenAPI does. */
export const webhooks = (json: (schema: Schema.Constraint) => unknown) =>
  // Not named: generators of clients leave out names that no operation uses.
  Rec.map(messageSchemas, (message, type: EventType) => {
    const { identifier, description } = EVENTS[type].ast.annotations ?? {};
    return {
      post: {
        operationId: `on${String(identifier)}`,
        tags: ["events"],
        summary: description,
        security: [],
        parameters: HEADERS,
        requestBody: {
          required: true,
          content: { "application/json": { schema: json(wireSchema(message)) } },
        },
        responses: { "2XX": { description: "The message was received." } },
      },
    };
  });

const HEADERS = [
  ["webhook-id", "The same each time that the event is sent."],
  ["webhook-timestamp", "Seconds since 1970, of this attempt."],
  ["webhook-signature", "Standard Webhooks 1.0.0; one for each secret."],
].map(([name, description]) => ({
  name,
  in: "header",
  required: true,
  description,
  schema: { type: "string" },
}));
