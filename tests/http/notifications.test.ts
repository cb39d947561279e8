import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Redacted from "effect/Redacted";
import { expect, it, onTestFinished } from "vitest";
import { tokensOf } from "../../adapters/tokens/tokens.ts";
import { notificationRoute } from "../../adapters/http/notifications/route.ts";
import * as azure from "../../adapters/storage/azure/notification-form.ts";
import * as gcs from "../../adapters/storage/gcs/notification-form.ts";
import * as s3 from "../../adapters/storage/s3/notification-form.ts";
import { StoreUnavailable } from "../../domain/errors.ts";
import { type ObjectFacts, ObjectStore } from "../../application/ports/object-store.ts";
import { sealAnnouncement } from "../../application/tokens.ts";
import { OrganizationSlug } from "../../domain/organization.ts";
import type { Receipt } from "../../domain/receipt.ts";
import { incomingKey } from "../../domain/storage-key.ts";
import type { UploadPolicy } from "../../domain/upload-policy.ts";
import type { AuditEvent } from "../../application/ports/audit.ts";
import {
  EVENT_BRIDGE,
  EVENT_GRID,
  EVENT_GRID_ASKS,
  FILER,
  PUB_SUB,
  S3,
  SNS,
} from "../events/notifications.ts";
import { waitingReceipt } from "../support/receipt.ts";
import { startService, storeOf, TOKEN_KEY } from "./service.ts";

const SECRET = "a-secret-of-notifications";
const NEXT = "the-secret-that-comes-next";
const KEY = "incoming/orgs/org_1/files/2026/11/3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f.png";

const FORMS = { s3, azure, gcs };

/** A service whose store has nothing unless it is its `own`, and remembers what it was asked for. */
async function start(
  api: keyof typeof FORMS = "s3",
  failure?: StoreUnavailable,
  own: Partial<ObjectStore["Service"]> = {},
  policy: Partial<UploadPolicy> = {},
) {
  const asked: Array<string> = [];
  const audit: Array<AuditEvent> = [];
  const counted = Effect.map(ObjectStore, (store) => {
    const calls = Object.entries(store).map(([name, call]: [string, unknown]) => [
      name,
      typeof call !== "function"
        ? call
        : (key: unknown) => {
            asked.push(`${name} ${typeof key === "string" ? key : JSON.stringify(key)}`);
            return failure === undefined ? Effect.succeed(Option.none()) : Effect.fail(failure);
          },
    ]);
    return { ...Object.fromEntries(calls), ...own } as ObjectStore["Service"];
  });
  const secrets = Redacted.make([NEXT, SECRET]);
  const { request } = await startService({
    storage: Layer.effect(ObjectStore, counted).pipe(
      Layer.provideMerge(storeOf("minio")),
      Layer.orDie,
    ),
    routes: [notificationRoute({ api, name: "files" }, FORMS[api], secrets)],
    audit,
    policy,
  });
  const post = async (
    body: unknown,
    headers: HeadersInit = { Authorization: `Bearer ${SECRET}` },
    path = `/api/v1/events/${api}`,
  ) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const answer = await request(path, { method: "POST", headers, body: text });
    return { status: answer.status, headers: answer.headers, body: await answer.json() };
  };
  return { asked, audit, request, post };
}

const QUERY = `?secret=${SECRET}`;

const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

it.each([
  `Bearer ${SECRET}`,
  `bearer  ${SECRET}`,
  `Bearer ${NEXT}`,
  SECRET,
  basic(`valetkey:${SECRET}`),
  basic(`:${SECRET}`),
])("a notification with %s is taken", async (authorization) => {
  const { post } = await start();
  const { status, body } = await post(S3(KEY), { Authorization: authorization });
  expect([status, body]).toEqual([200, { confirmed: 0, refused: 0, ignored: 1 }]);
});

it.each([
  ["none", {}],
  ["an empty one", { Authorization: "" }],
  ["an empty bearer token", { Authorization: "Bearer " }],
  ["a part of the secret", { Authorization: `Bearer ${SECRET.slice(0, -1)}` }],
  ["a longer one", { Authorization: `Bearer ${SECRET}x` }],
  ["both secrets", { Authorization: `Bearer ${SECRET},${NEXT}` }],
  ["the secret as a user", { Authorization: basic(SECRET) }],
  ["the secret behind a colon too many", { Authorization: basic(`a::${SECRET}`) }],
  ["the secret of another scheme", { Authorization: `Digest ${SECRET}` }],
  ["the secret twice", { Authorization: `Bearer ${SECRET}, Bearer ${SECRET}` }],
  ["16 kB", { Authorization: `Bearer ${"a".repeat(16_000)}` }],
  ["16 kB of base64", { Authorization: `Basic ${"/".repeat(16_000)}` }],
  ["another header", { "X-Secret": SECRET }],
])("a notification whose secret is %s costs no look at the store", async (_, headers) => {
  const { post, asked, audit } = await start();
  const { status, body, ...answer } = await post(S3(KEY), headers);
  expect([status, body.code]).toEqual([401, "UNAUTHENTICATED"]);
  expect(answer.headers.get("www-authenticate")).toBe('Basic realm="valetkey"');
  expect(asked).toEqual([]);
  expect(audit).toMatchObject([{ action: "notify", refusal: "UNAUTHENTICATED" }]);
});

it("a secret in the query is for Pub/Sub alone, whose own token may be beside it", async () => {
  const google = await start("gcs");
  const own = { Authorization: "Bearer eyJh.eyJp.c2ln" };
  expect((await google.post(PUB_SUB(KEY), own, "/api/v1/events/gcs" + QUERY)).status).toBe(200);
  expect((await google.post(PUB_SUB(KEY), own)).status).toBe(401);
  const { post } = await start();
  expect((await post(S3(KEY), {}, "/api/v1/events/s3" + QUERY)).status).toBe(401);
});

it("only the path of the configured store's kind exists, and takes a POST alone", async () => {
  const { post, request } = await start();
  expect((await post(PUB_SUB(KEY), undefined, "/api/v1/events/gcs")).status).toBe(404);
  expect((await request("/api/v1/events/s3")).status).toBe(405);
  const service = await startService();
  expect((await service.request("/api/v1/events/s3", { method: "POST" })).status).toBe(404);
});

const HEAD = [`head ${KEY}`];

it.each([
  ["a record of Amazon's", S3(KEY)],
  ["one of MinIO's, with an encoded key", S3(encodeURIComponent(KEY), "s3:ObjectCreated:Put")],
  ["one through SNS", SNS(S3(KEY))],
  ["one through EventBridge", EVENT_BRIDGE(KEY)],
  ["one through EventBridge and SNS", SNS(EVENT_BRIDGE(KEY))],
  ["one of SeaweedFS's filer", FILER(KEY)],
  ["a file that replaces one in SeaweedFS", FILER(KEY, "update")],
  ["the same file three times", { Records: [1, 2, 3].flatMap(() => S3(KEY).Records) }],
])("%s costs one look at the object", async (_, body) => {
  const { post, asked } = await start();
  const { status } = await post(body);
  expect(status).toBe(200);
  expect(asked).toEqual(HEAD);
});

it("a push of Pub/Sub costs one look at the object", async () => {
  const { post, asked } = await start("gcs");
  expect((await post(PUB_SUB(KEY))).status).toBe(200);
  expect((await post(PUB_SUB(KEY, "OBJECT_DELETE"))).body.ignored).toBe(1);
  expect((await post(PUB_SUB(KEY, "OBJECT_FINALIZE", "other"))).body.ignored).toBe(1);
  expect(asked).toEqual(HEAD);
});

it.each([
  ["a removal", S3(KEY, "ObjectRemoved:Delete")],
  ["an object of another bucket", S3(KEY, "ObjectCreated:Put", "other")],
  ["a key that is not encoded as keys are", S3(`%${KEY}`)],
  ["a file, such as the copy of an upload", S3(KEY.replace("incoming/", ""))],
  ["a key that is not ours", S3("backups/2026.tar")],
  ["a key of 16 kB", S3("a/".repeat(8_000))],
  ["a key that leaves its prefix", S3(`incoming/../${KEY}`)],
  ["a removal through EventBridge", EVENT_BRIDGE(KEY, "Object Deleted")],
  ["a folder of SeaweedFS", FILER("incoming/orgs/org_1")],
  ["a removal in SeaweedFS", FILER(KEY, "delete")],
  ["a file of SeaweedFS outside of a bucket", { event_type: "create", key: `/topics/${KEY}` }],
  ["a message of SNS about something else", SNS({ key: KEY })],
  ["a message of SNS in another one", SNS(SNS(S3(KEY)))],
  ["a name of every object", S3("__proto__", "ObjectCreated:Put")],
])("%s is ignored without a look", async (_, body) => {
  const { post, asked } = await start();
  const answer = await post(body);
  expect([answer.status, answer.body]).toEqual([200, { confirmed: 0, refused: 0, ignored: 1 }]);
  expect(asked).toEqual([]);
});

it("the test events of Amazon and versitygw are answered, also through SNS", async () => {
  const { post } = await start();
  const test = { Service: "S3", Event: "s3:TestEvent", Bucket: "Test-Bucket" };
  for (const body of [test, SNS(test)]) expect((await post(body)).status).toBe(200);
});

it("a question of SNS is answered, and its address is not fetched", async () => {
  const { post, asked } = await start();
  const fetched: Array<unknown> = [];
  const { fetch } = globalThis;
  globalThis.fetch = async (address) => (fetched.push(address), new Response());
  onTestFinished(() => void (globalThis.fetch = fetch));
  const question = {
    Type: "SubscriptionConfirmation",
    TopicArn: "arn:aws:sns:us-east-1:123456789012:uploads",
    Token: "2336412f37",
    SubscribeURL: "http://169.254.169.254/latest/meta-data",
  };
  expect((await post(question)).body).toEqual({ confirmed: 0, refused: 0, ignored: 0 });
  expect((await post({ ...question, Token: "a; rm -rf /" })).status).toBe(400);
  expect((await post({ ...question, TopicArn: "arn:\n" })).status).toBe(400);
  expect([asked, fetched]).toEqual([[], []]);
});

it.each([
  ["no JSON", "{"],
  ["nothing", ""],
  ["null", "null"],
  ["no notification", { key: KEY }],
  ["101 records", { Records: Array.from({ length: 101 }).flatMap(() => S3(KEY).Records) }],
  ["a record without a key", { Records: [{ eventName: "ObjectCreated:Put", s3: {} }] }],
  ["records behind __proto__", `{"__proto__": ${JSON.stringify(S3(KEY))}}`],
  ["deep lists", "[".repeat(100_000) + "]".repeat(100_000)],
  ["deep objects", `${'{"Records":'.repeat(20_000)}1${"}".repeat(20_000)}`],
  ["a message of SNS that is no JSON", { Type: "Notification", Message: "{" }],
])("%s is refused with 400", async (_, body) => {
  const { post, asked } = await start();
  const answer = await post(body);
  expect([answer.status, answer.body.code]).toEqual([400, "INVALID_REQUEST"]);
  expect(asked).toEqual([]);
});

it("a body above 256 KiB is refused with 413", async () => {
  const { post } = await start();
  expect((await post(`"${"a".repeat(256 * 1024)}"`)).body.code).toBe("BODY_TOO_LARGE");
});

it("100 objects cost 100 looks", async () => {
  const { post, asked } = await start();
  const keys = Array.from({ length: 100 }, (_, n) =>
    KEY.replace("0a1b2c3d4e5f", String(n).padStart(12, "0")),
  );
  const { body } = await post({ Records: keys.flatMap((key) => S3(key).Records) });
  expect(body.ignored).toBe(100);
  expect(asked.toSorted()).toEqual(keys.map((key) => `head ${key}`).toSorted());
});

it("a store that does not answer is told to send it again", async () => {
  const reason = "nobody is there";
  const failure = new StoreUnavailable({ kind: "unreachable", reason });
  const { post, audit } = await start("s3", failure);
  const { status, headers, body } = await post(S3(KEY));
  const key = KEY.slice("incoming/".length);
  expect(audit).toMatchObject([{ action: "notify", refusal: "STORE_UNAVAILABLE", key }]);
  expect([status, body.code, headers.get("retry-after")]).toEqual([503, "STORE_UNAVAILABLE", "5"]);
});

const IGNORED = { confirmed: 0, refused: 0, ignored: 1 };

it.each([
  [
    "is still being scanned",
    1,
    undefined,
    503,
    { code: "UPLOAD_PENDING", state: "scanning" },
    true,
  ],
  ["is clean", 1, "NO_THREATS_FOUND", 200, { confirmed: 1, refused: 0, ignored: 0 }, true],
  ["is infected", 1, "THREATS_FOUND", 200, { confirmed: 0, refused: 1, ignored: 0 }, true],
  ["waits no longer", -1, "NO_THREATS_FOUND", 200, IGNORED, true],
  ["has the grant of another", 1, "NO_THREATS_FOUND", 200, IGNORED, false],
])(
  "an announced upload that %s (%i hour left, tag %s) is answered with %i and %j",
  async (...row) => {
    const [, hours, tag, status, body, isOwn] = row;
    const receipt: Receipt = {
      ...waitingReceipt("png", 5),
      slug: OrganizationSlug.make("acme"),
      confirmUntil: DateTime.makeUnsafe(Date.now() + hours * 60 * 60_000),
    };
    const announcement = sealAnnouncement(tokensOf([TOKEN_KEY]), receipt);
    const facts = {
      size: 5,
      contentType: "image/png",
      etag: '"e"',
      checksums: {},
      extraHeaders: {},
    };
    const at = isOwn ? incomingKey(receipt.key) : KEY;
    const stored = new Map<string, ObjectFacts>([
      [incomingKey(receipt.key), facts],
      [at, { ...facts, announcement }],
    ]);
    const store: Partial<ObjectStore["Service"]> = {
      head: (key) => Effect.sync(() => Option.fromUndefinedOr(stored.get(key))),
      scanTag: () => Effect.succeed(tag),
      copies: {
        copy: ({ to }) => Effect.sync(() => (stored.set(to, facts), "copied")),
        writeEmpty: () => Effect.void,
      },
      remove: ({ key }) => Effect.sync(() => void stored.delete(key)),
    };
    const policy = { arrival: "incoming", scan: "tags", verifyContent: false } as const;
    const { post, audit } = await start("s3", undefined, store, policy);
    const answer = await post(S3(at));
    expect(answer).toMatchObject({ status, body });
    const refusal = "code" in body ? body.code : undefined;
    expect(audit).toMatchObject([{ action: "notify", refusal }]);
    expect(answer.headers.has("retry-after")).toBe(status === 503);
    expect(stored.has(receipt.key)).toBe("confirmed" in body && body.confirmed === 1);
  },
);

it("Event Grid hears its code, with a secret alone, and a blob that was made is looked at", async () => {
  const { post, asked } = await start("azure");
  const path = `/api/v1/events/azure?secret=${SECRET}`;
  const answer = await post(EVENT_GRID_ASKS, {}, path);
  expect(answer.body).toEqual({
    validationResponse: EVENT_GRID_ASKS[0]?.data.validationCode,
  });
  expect((await post(EVENT_GRID_ASKS, {}, "/api/v1/events/azure")).status).toBe(401);
  expect((await post(EVENT_GRID(KEY, "Microsoft.Storage.BlobDeleted"), {}, path)).status).toBe(200);
  expect(asked).toEqual([]);
  expect((await post(EVENT_GRID(KEY), {}, path)).status).toBe(200);
  expect(asked).toEqual([`head ${KEY}`]);
});
