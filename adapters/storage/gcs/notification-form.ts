import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import type { NotificationForm } from "../../../application/ports/notification-form.ts";

/** "Pub/Sub notifications for Cloud Storage", of which only the attributes are needed. */
const Push = Schema.Struct({
  message: Schema.Struct({
    attributes: Schema.Struct({
      eventType: Schema.String,
      bucketId: Schema.String,
      objectId: Schema.String,
    }),
  }),
});
const decode = Schema.decodeUnknownOption(Push);

export const secretInQuery = true;

export const read: NotificationForm["read"] = (body) =>
  Effect.map(Effect.fromOption(decode(body)), ({ message: { attributes } }) => {
    const { eventType, bucketId: bucket, objectId: key } = attributes;
    return { made: [eventType === "OBJECT_FINALIZE" ? { bucket, key } : undefined] };
  });
