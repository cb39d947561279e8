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
  isOurs: (rule: string) => rule.includes(ID),
  isSame: (rule: string, own: string) => partsIn(rule) === partsIn(own),
} as const;

/** Lets a bucket tell `arn` of uploads. "PutBucketNotificationConfiguration", Amazon S3 API. */
export const setNotifications = (bucket: Bucket, arn: string) => {
  const to = arn.startsWith("arn:minio:") ? "Queue" : "Topic";
  const filter = element("Filter", element("S3Key", element("FilterRule", PREFIX)));
  const own = element(
    `${to}Configuration`,
    `${ID}${element(to, arn)}<Event>s3:ObjectCreated:*</Event>${filter}`,
  );
  return bucketRules(bucket, NOTIFICATIONS).change(() => ({ own: [own], result: {} }));
};

/** Without the region, in whose place MinIO answers with its own, or none. */
const partsIn = (rule: string) =>
  (rule.match(/<(?:Id|Queue|Topic|Event|Value)>[^<]*/g) ?? [])
    .toSorted()
    .join()
    .replace(/:sqs:[^:]*/, "");
