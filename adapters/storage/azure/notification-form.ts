import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import type { NotificationForm } from "../../../application/ports/notification-form.ts";

/** "Azure Blob Storage as an Event Grid source"; the code is sent once, with a new subscription. */
const Events = Schema.Array(
  Schema.Struct({
    eventType: Schema.String,
    subject: Schema.String,
    data: Schema.Struct({ validationCode: Schema.optionalKey(Schema.String) }),
  }),
).check(Schema.isMaxLength(100));
const decode = Schema.decodeUnknownOption(Events);

export const secretInQuery = true;

export const read: NotificationForm["read"] = (body) =>
  Effect.map(Effect.fromOption(decode(body)), (events) => {
    const made = events.map(({ eventType, subject }) => {
      const [, bucket = "", key = ""] = BLOB.exec(subject) ?? [];
      return eventType === "Microsoft.Storage.BlobCreated" ? { bucket, key } : undefined;
    });
    const code = events.find(({ data }) => data.validationCode)?.data.validationCode;
    return { made, answer: code === undefined ? undefined : { validationResponse: code } };
  });

const BLOB = /^\/blobServices\/default\/containers\/([^/]+)\/blobs\/(.+)$/;
