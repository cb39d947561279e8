// Notifications as the documentation of each sender gives them, where the sender is not run here.

/** A record: "Event message structure", Amazon S3 User Guide. */
export const S3 = (key: string, eventName = "ObjectCreated:Put", bucket = "files") => ({
  Records: [
    {
      eventVersion: "2.1",
      eventSource: "aws:s3",
      awsRegion: "us-east-1",
      eventTime: "2026-11-28T16:03:52.364Z",
      eventName,
      userIdentity: { principalId: "AIDAJDPLRKLG7UEXAMPLE" },
      requestParameters: { sourceIPAddress: "127.0.0.1" },
      responseElements: { "x-amz-request-id": "C3D13FE58DE4C810" },
      s3: {
        s3SchemaVersion: "1.0",
        configurationId: "valetkey",
        bucket: {
          name: bucket,
          ownerIdentity: { principalId: "A3" },
          arn: `arn:aws:s3:::${bucket}`,
        },
        object: { key, size: 5, eTag: "5d41402abc4b2a76b9719d911017c592", sequencer: "0055AED6DC" },
      },
    },
  ],
});

/** "HTTP/HTTPS notification JSON format", Amazon SNS Developer Guide. */
export const SNS = (message: unknown) => ({
  Type: "Notification",
  MessageId: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
  TopicArn: "arn:aws:sns:us-east-1:123456789012:uploads",
  Subject: "Amazon S3 Notification",
  Message: JSON.stringify(message),
  Timestamp: "2026-11-28T16:03:52.364Z",
  SignatureVersion: "1",
  Signature: "EXAMPLE",
  SigningCertURL: "https://sns.us-east-1.amazonaws.com/SimpleNotificationService.pem",
  UnsubscribeURL: "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
});

/** "EventBridge event message structure", Amazon S3 User Guide. */
export const EVENT_BRIDGE = (key: string, type = "Object Created") => ({
  version: "0",
  id: "17793124-05d4-b198-2fde-7ededc63b103",
  "detail-type": type,
  source: "aws.s3",
  account: "123456789012",
  time: "2026-11-28T16:03:52Z",
  region: "us-east-1",
  resources: ["arn:aws:s3:::files"],
  detail: {
    version: "0",
    bucket: { name: "files" },
    object: {
      key,
      size: 5,
      etag: "5d41402abc4b2a76b9719d911017c592",
      sequencer: "00617F08299329D189",
    },
    "request-id": "N4N7GDK58NMKJ12R",
    reason: "PutObject",
  },
});

/** As SeaweedFS 4.48 sent it. */
export const FILER = (key: string, type = "create") => ({
  event_type: type,
  key: `/buckets/files/${key}`,
  message: {
    new_entry: { name: key.split("/").at(-1), attributes: { file_size: 5, mime: "image/png" } },
    delete_chunks: true,
  },
});

/** "Pub/Sub notifications for Cloud Storage" in "Receive messages from push subscriptions". */
export const PUB_SUB = (objectId: string, eventType = "OBJECT_FINALIZE", bucketId = "files") => ({
  message: {
    attributes: {
      bucketId,
      eventTime: "2026-11-28T16:03:52.364Z",
      eventType,
      notificationConfig: "projects/_/buckets/files/notificationConfigs/1",
      objectGeneration: "1795881825267596",
      objectId,
      payloadFormat: "JSON_API_V1",
    },
    data: Buffer.from(JSON.stringify({ kind: "storage#object", name: objectId })).toString(
      "base64",
    ),
    messageId: "2070443601311540",
    publishTime: "2026-11-28T16:03:52.5Z",
  },
  subscription: "projects/myproject/subscriptions/valetkey",
});

/** "Azure Blob Storage as an Event Grid source": a blob that was made in the container `files`. */
export const EVENT_GRID = (key: string, eventType = "Microsoft.Storage.BlobCreated") => [
  {
    topic: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a",
    subject: `/blobServices/default/containers/files/blobs/${key}`,
    eventType,
    data: { api: "PutBlob", blobType: "BlockBlob" },
  },
];

/** What Event Grid sends once, when a subscription is made. */
export const EVENT_GRID_ASKS = [
  {
    subject: "",
    eventType: "Microsoft.EventGrid.SubscriptionValidationEvent",
    data: { validationCode: "512d38b6-c7b8-40c8-89fe-f46f9e9622b6" },
  },
];
