import * as Option from "effect/Option";
import * as Schema from "effect/Schema";

const S3Object = Schema.Struct({
  bucket: Schema.Struct({ name: Schema.String }),
  object: Schema.Struct({ key: Schema.String }),
});
const S3Record = Schema.Struct({ eventName: Schema.String, s3: S3Object });

/** The forms in which stores and those who pass it on tell of objects. */
const Notification = Schema.Union([
  // "Event message structure", Amazon S3 User Guide: also of MinIO and versitygw.
  Schema.Struct({ Records: Schema.Array(S3Record).check(Schema.isMaxLength(100)) }),
  // Sent once, when a store begins to send notifications.
  Schema.Struct({ Event: Schema.Literal("s3:TestEvent") }),
  // "EventBridge event message structure", Amazon S3 User Guide.
  Schema.Struct({ "detail-type": Schema.String, detail: S3Object }),
  // "HTTP/HTTPS notification JSON format", Amazon SNS Developer Guide.
  Schema.Struct({
    Type: Schema.Literal("Notification"),
    Message: Schema.fromJsonString(Schema.Unknown),
  }),
  // Its `SubscribeURL` is never fetched. The others are for a log, and from there for a shell.
  Schema.Struct({
    Type: Schema.Literal("SubscriptionConfirmation"),
    TopicArn: Schema.String.check(Schema.isPattern(/^arn:[\w:.-]{1,400}$/)),
    Token: Schema.String.check(Schema.isPattern(/^\w{1,1000}$/)),
  }),
  // SeaweedFS's filer, as version 4.48 sends it: about paths, also of folders.
  Schema.Struct({ event_type: Schema.String, key: Schema.String }),
  // "Azure Blob Storage as an Event Grid source"; the code is sent once, when a subscription is made.
  Schema.Array(
    Schema.Struct({
      eventType: Schema.String,
      subject: Schema.String,
      data: Schema.Struct({ validationCode: Schema.optionalKey(Schema.String) }),
    }),
  ).check(Schema.isMaxLength(100)),
  // "Pub/Sub notifications for Cloud Storage", whose attributes are all that is needed.
  Schema.Struct({
    message: Schema.Struct({
      attributes: Schema.Struct({
        eventType: Schema.String,
        bucketId: Schema.String,
        objectId: Schema.String,
      }),
    }),
  }),
]);

export const decodeNotification = Schema.decodeUnknownOption(Notification);

/** An object that was made; undefined for anything else that a store tells. */
type Made = { readonly bucket: string; readonly key: string } | undefined;

export function madeIn(told: typeof Notification.Type): ReadonlyArray<Made> {
  if ("length" in told) {
    return told.map(({ eventType, subject }) => {
      const [, bucket = "", key = ""] = BLOB.exec(subject) ?? [];
      return eventType === "Microsoft.Storage.BlobCreated" ? { bucket, key } : undefined;
    });
  }
  if ("Records" in told) {
    return told.Records.map(({ eventName, s3: { bucket, object } }) => {
      const key = /^(?:s3:)?ObjectCreated:/.test(eventName) ? decoded(object.key) : undefined;
      return key === undefined ? undefined : { bucket: bucket.name, key };
    });
  }
  if ("detail" in told) {
    const { bucket, object } = told.detail;
    const isMade = told["detail-type"] === "Object Created";
    return [isMade ? { bucket: bucket.name, key: object.key } : undefined];
  }
  if ("event_type" in told) {
    const [, buckets, bucket = "", ...names] = told.key.split("/");
    const isMade = ["create", "update"].includes(told.event_type) && buckets === "buckets";
    return [isMade ? { bucket, key: names.join("/") } : undefined];
  }
  if ("message" in told) {
    const { eventType, bucketId: bucket, objectId: key } = told.message.attributes;
    return [eventType === "OBJECT_FINALIZE" ? { bucket, key } : undefined];
  }
  if ("Message" in told) {
    const message = Option.getOrUndefined(decodeNotification(told.Message));
    return message === undefined || "Message" in message ? [undefined] : madeIn(message);
  }
  return [];
}

/** The code by which Event Grid hears that its notifications are wanted, if it asks for that. */
export const validationIn = (told: typeof Notification.Type): string | undefined =>
  "length" in told ? told.find(({ data }) => data.validationCode)?.data.validationCode : undefined;

const BLOB = /^\/blobServices\/default\/containers\/([^/]+)\/blobs\/(.+)$/;

/** A plus, which stands for a space, is in no key of ours. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
