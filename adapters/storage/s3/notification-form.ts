import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import type { MadeObject, NotificationForm } from "../../../application/ports/notification-form.ts";

const S3Object = Schema.Struct({
  bucket: Schema.Struct({ name: Schema.String }),
  object: Schema.Struct({ key: Schema.String }),
});
const S3Record = Schema.Struct({ eventName: Schema.String, s3: S3Object });

/** Notifications of stores and of services that forward them. */
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
  // `SubscribeURL` is never fetched. The others are for a log, and may be pasted into a shell.
  Schema.Struct({
    Type: Schema.Literal("SubscriptionConfirmation"),
    TopicArn: Schema.String.check(Schema.isPattern(/^arn:[\w:.-]{1,400}$/)),
    Token: Schema.String.check(Schema.isPattern(/^\w{1,1000}$/)),
  }),
  // SeaweedFS's filer, as version 4.48 sends it: about paths, also of folders.
  Schema.Struct({ event_type: Schema.String, key: Schema.String }),
]);

type Notification = typeof Notification.Type;
const decode = Schema.decodeUnknownOption(Notification);

export const secretInQuery = false;

export const read: NotificationForm["read"] = Effect.fnUntraced(function* (body) {
  const notification = yield* Effect.fromOption(decode(body));
  if ("Token" in notification) {
    yield* Effect.logWarning(ASKED, { topic: notification.TopicArn, token: notification.Token });
  }
  return { made: madeIn(notification) };
});

const ASKED =
  "Amazon SNS asks whether its notifications are wanted; to say so: aws sns confirm-subscription --topic-arn ARN --token TOKEN";

function madeIn(notification: Notification): ReadonlyArray<MadeObject> {
  if ("Records" in notification) {
    return notification.Records.map(({ eventName, s3: { bucket, object } }) => {
      const key = /^(?:s3:)?ObjectCreated:/.test(eventName) ? decoded(object.key) : undefined;
      return key === undefined ? undefined : { bucket: bucket.name, key };
    });
  }
  if ("detail" in notification) {
    const { bucket, object } = notification.detail;
    const isMade = notification["detail-type"] === "Object Created";
    return [isMade ? { bucket: bucket.name, key: object.key } : undefined];
  }
  if ("event_type" in notification) {
    const [, buckets, bucket = "", ...names] = notification.key.split("/");
    const isMade = ["create", "update"].includes(notification.event_type) && buckets === "buckets";
    return [isMade ? { bucket, key: names.join("/") } : undefined];
  }
  if ("Message" in notification) {
    const message = Option.getOrUndefined(decode(notification.Message));
    return message === undefined || "Message" in message ? [undefined] : madeIn(message);
  }
  return [];
}

/** Decodes a key; a plus, which stands for a space, is in no key of this service. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
