import { INCOMING_PREFIX } from "../../../domain/storage-key.ts";
import { bucketRules } from "./bucket-rules.ts";
import type { Bucket } from "../rest/signed-fetch.ts";
import { element } from "../rest/xml.ts";

const ID = element("Id", "valetkey");
const PREFIX = element("Name", "prefix") + element("Value", INCOMING_PREFIX);

const NOTIFICATIONS = {
  query: "notification",
  root: "NotificationConfiguration",
  rule: ["QueueConfiguration", "TopicConfiguration", "CloudFunctionConfiguration"],
  rules: "notifications",
  whole: "notifications",
  isKept: true,
  isOfValetkey: (rule: string) => rule.includes(ID),
  isSame: (rule: string, written: string) => partsIn(rule) === partsIn(written),
} as const;

/** Sends notifications of uploads to `arn`: "PutBucketNotificationConfiguration", Amazon S3 API. */
export const setNotifications = (bucket: Bucket, arn: string) => {
  const to = arn.startsWith("arn:minio:") ? "Queue" : "Topic";
  const filter = element("Filter", element("S3Key", element("FilterRule", PREFIX)));
  const rule = element(
    `${to}Configuration`,
    `${ID}${element(to, arn)}<Event>s3:ObjectCreated:*</Event>${filter}`,
  );
  return bucketRules(bucket, NOTIFICATIONS).change(() => ({ planned: [rule], result: {} }));
};

/** Compares without the region, for which MinIO answers its own, or none. */
const partsIn = (rule: string) =>
  (rule.match(/<(?:Id|Queue|Topic|Event|Value)>[^<]*/g) ?? [])
    .toSorted()
    .join()
    .replace(/:sqs:[^:]*/, "");
