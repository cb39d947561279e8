import {
  GetBucketNotificationConfigurationCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ask, TEXT, upload } from "../support/ask.ts";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import { startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { startReceiver } from "./backend.ts";
import { valetkey } from "../support/command-line.ts";

import { PUB_SUB, S3 } from "./notifications.ts";
import { startStore, storeEnv, STORES } from "./stores.ts";

const SECRET = "a-secret-of-notifications";

/** A service, the store that was told to send it notifications, and a backend that hears of files. */
async function start(provider: keyof typeof STORES) {
  const port = await freePort();
  const storePort = await freePort();
  const { received, env: events } = await startReceiver();
  const policies = join(makeFolder(), "policies.json");
  writeFileSync(policies, JSON.stringify({ files: { arrival: "incoming", announce: true } }));
  const env = {
    ...events,
    ...storeEnv(provider, storePort),
    PORT: String(port),
    STORAGE_POLICIES: policies,
    NOTIFICATIONS_SECRETS: `a-secret-that-comes-next-or-never,${SECRET}`,
  };
  const setup = (...args: ReadonlyArray<string>) => valetkey(["events", "setup", ...args], env);
  const { stdout, code } = await setup();
  expect(code).toBe(0);
  expect(stdout).not.toContain(SECRET);
  // A store may want to reach the service at its own start.
  const service = await startProcess(env);
  const client = await startStore(provider, storePort, stdout.replaceAll("$SECRET", SECRET));
  return { service, client, received, setup };
}

it.skipIf(STORES.minio.path === undefined)(
  "a backend hears of files that no client has confirmed, from MinIO",
  () => hear("minio"),
);
it.skipIf(STORES.seaweedfs.path === undefined)(
  "a backend hears of files that no client has confirmed, from SeaweedFS",
  () => hear("seaweedfs"),
);
it.skipIf(STORES.versitygw.path === undefined)(
  "a backend hears of files that no client has confirmed, from versitygw",
  () => hear("versitygw"),
);

async function hear(provider: keyof typeof STORES) {
  const { service, received, setup } = await start(provider);
  if (provider === "minio") expect((await setup("--apply")).code).toBe(0);
  const keys: Array<string> = [];
  for (const _ of [1, 2, 3]) keys.push((await upload(service)).key);
  await until("the events", () => received.length >= keys.length);
  expect(received.map(({ type, data }) => [type, "key" in data && data.key]).toSorted()).toEqual(
    keys.map((key) => ["upload.confirmed", key]).toSorted(),
  );
  expect(await service.stop()).toBe(0);
}

it.skipIf(STORES.minio.path === undefined)(
  "the notifications of a bucket are set once, beside those of others",
  async () => {
    const { client, setup, service } = await start("minio");
    const read = async () => {
      const asked = new GetBucketNotificationConfigurationCommand({ Bucket: "files" });
      return (await client.send(asked)).QueueConfigurations ?? [];
    };
    expect(await setup("--apply")).toMatchObject({ code: 0, stderr: expect.stringMatching(/now/) });
    const [ours] = await read();
    expect(ours).toMatchObject({
      Id: "valetkey",
      QueueArn: expect.stringMatching(/:VALETKEY:webhook$/),
      Events: ["s3:ObjectCreated:*"],
      Filter: { Key: { FilterRules: [{ Name: "prefix", Value: "incoming/" }] } },
    });
    const other = {
      Id: "other",
      QueueArn: ours?.QueueArn,
      Events: ["s3:ObjectRemoved:*" as const],
      Filter: { Key: { FilterRules: [{ Name: "prefix" as const, Value: "logs/" }] } },
    };
    await client.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket: "files",
        NotificationConfiguration: { QueueConfigurations: [other] },
      }),
    );
    expect(await setup("--apply")).toMatchObject({ code: 0, stderr: expect.stringMatching(/now/) });
    expect(await setup("--apply")).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/already/),
    });
    const both = await read();
    expect(both.map(({ Id }) => Id).toSorted()).toEqual(["other", "valetkey"]);
    expect(both.find(({ Id }) => Id === "other")).toMatchObject(other);
    const failed = await setup("--apply", "--topic", "arn:minio:sqs::ABSENT:webhook");
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("The notifications were not set");
    expect(await read()).toEqual(both);
    expect(await service.stop()).toBe(0);
  },
);

it.skipIf(STORES.minio.path === undefined)(
  "notifications that are early, repeated, late or forged make no event beside that of the upload",
  async () => {
    // Its bucket tells nothing: the test does.
    const { client, service, received } = await start("minio");
    const tell = async (...keys: ReadonlyArray<string>) => {
      const answer = await fetch(`${service.address}/api/v1/events/s3`, {
        method: "POST",
        headers: { Authorization: `Bearer ${SECRET}` },
        body: JSON.stringify({ Records: keys.flatMap((key) => S3(`incoming/${key}`).Records) }),
      });
      return { status: answer.status, ...(await answer.json()) };
    };
    const presign = async () => (await ask(service, "presign", { ...TEXT, size: 5 })).json();
    const put = (key: string, grant: string | undefined, body: string) =>
      client.send(
        new PutObjectCommand({
          Bucket: "files",
          Key: `incoming/${key}`,
          Body: body,
          ContentType: "text/plain",
          ...(grant !== undefined && { Metadata: { "valetkey-grant": grant } }),
        }),
      );
    const ignored = { status: 200, confirmed: 0, refused: 0, ignored: 1 };
    const [one, other, third] = [await presign(), await presign(), await presign()];
    const { "x-amz-meta-valetkey-grant": grant } = one.put_headers;
    expect(await tell(one.key)).toEqual(ignored);
    await put(other.key, undefined, "hello");
    expect(await tell(other.key)).toEqual(ignored);
    await put(other.key, grant, "hello");
    expect(await tell(other.key)).toEqual(ignored);
    await put(other.key, `${grant.slice(0, -1)}${grant.endsWith("A") ? "B" : "A"}`, "hello");
    expect(await tell(other.key)).toEqual(ignored);

    await fetch(one.put_url, { method: "PUT", headers: one.put_headers, body: "hello" });
    const told = await Promise.all([1, 2, 3, 4].map(() => tell(other.key, one.key, one.key)));
    expect(told.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(told.filter(({ confirmed }) => confirmed === 1).length).toBeGreaterThan(0);
    expect(await tell(one.key)).toEqual(ignored);

    await put(third.key, third.put_headers["x-amz-meta-valetkey-grant"], "something else");
    expect(await tell(third.key)).toEqual({ ...ignored, ignored: 0, refused: 1 });
    await until("both events", () => received.length >= 2);
    expect(received).toMatchObject([
      { type: "upload.confirmed", data: { key: one.key } },
      { type: "upload.mismatched", data: { key: third.key } },
    ]);
    expect(await service.stop()).toBe(0);
  },
);

it("a secret in the query of Pub/Sub's address is not in the log", async () => {
  const service = await startProcess({
    STORAGE_ADAPTER: "gcs",
    STORAGE_ACCESS_KEY: "GOOG1EXAMPLE",
    STORAGE_SECRET_KEY: "the-secret-key",
    NOTIFICATIONS_SECRETS: SECRET,
  });
  const post = (query: string) =>
    fetch(`${service.address}/api/v1/events/gcs?${query}`, {
      method: "POST",
      body: JSON.stringify(PUB_SUB("logs/a.txt")),
    });
  expect((await post(`secret=${SECRET}`)).status).toBe(200);
  expect((await post(`secret=${SECRET}x`)).status).toBe(401);
  await until("the log", () => service.output().includes("/api/v1/events/gcs"));
  // Looks for it.
  expect(await service.stop()).toBe(0);
});
