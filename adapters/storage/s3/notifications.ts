import { INCOMING_PREFIX } from "../../../domain/storage-key.ts";
import { bucketRules } from "./bucket-rules.ts";
import type { Bucket } from "../rest/signed-fetch.ts";
import { element } from "../rest/xml.ts";

const NOTIFICATIONS = {
  query: "notification",
  root: "NotificationConfiguration",
  rule: ["QueueConfiguration", "TopicConfiguration", "CloudFunctionConfiguration"],
  rules: "notifications",
  whole: "notifications",
  isKept: true,
} as const;

const ID = element("Id", "valetkey");
const PREFIX = element("Name", "prefix") + element("Value", INCOMING_PREFIX);

/** Lets a bucket tell `arn` of uploads. "PutBucketNotificationConfiguration", Amazon S3 API. */
export const setNotifications = (bucket: Bucket, arn: string) => {
  const to = arn.startsWith("arn:minio:") ? "Queue" : "Topic";
  const filter = element("Filter", element("S3Key", element("FilterRule", PREFIX)));
  const own = element(
    `${to}Configuration`,
    `${ID}${element(to, arn)}<Event>s3:ObjectCreated:*</Event>${filter}`,
  );
  const isOurs = (rule: string) => rule.includes(ID);
  return bucketRules(bucket, NOTIFICATIONS).change((present) => ({
    others: present.filter((rule) => !isOurs(rule)),
    own: [own],
    isThere: (rules) => rules.filter(isOurs).map(partsIn).join() === partsIn(own),
    result: {},
  }));
};

/** Without the region, in whose place MinIO answers with its own, or none. */
const partsIn = (rule: string) =>
  (rule.match(/<(?:Id|Queue|Topic|Event|Value)>[^<]*/g) ?? [])
    .toSorted()
    .join()
    .replace(/:sqs:[^:]*/, "");
