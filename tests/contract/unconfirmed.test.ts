import * as Effect from "effect/Effect";
import { Client } from "minio";
import { expect, inject, it } from "vitest";
import { s3Lifecycle } from "../../adapters/rest/s3-lifecycle.ts";
import { always } from "../../adapters/credentials/held.ts";
import { AWS4_HMAC_SHA256 } from "../../adapters/signing/algorithms.ts";
import { bucketAddress } from "../../adapters/signing/bucket-address.ts";
import { signWith } from "../../adapters/signing/signer.ts";
import { send } from "../support/send.ts";
import { CONTENT, promise } from "./promise.ts";
import { useCases } from "./use-cases.ts";

const server = inject("minio");
const fakeGcs = inject("fakeGcs");

promise(
  "the mark of an unconfirmed upload is bound, and taken off where it is confirmed",
  async (subject) => {
    const { grant, confirm } = useCases(subject);
    const { put, key, receipt } = await grant({}, "kept");
    const { url, headers } = put;
    const name = Object.keys(headers).find((name) => /tagging|custom-time/.test(name)) ?? "";
    const { [name]: _, ...unmarked } = headers;
    const refused = await send("PUT", url, { headers: unmarked, body: CONTENT });
    expect([400, 403]).toContain(refused.status);
    expect((await confirm(receipt))._tag).toBe("UploadIncomplete");
    expect((await send("PUT", url, { headers, body: CONTENT })).status).toBe(200);
    expect(await markOf(subject.bucket, key)).toBe(true);
    expect((await confirm(receipt))._tag).toBe("Confirmed");
    expect(await markOf(subject.bucket, key)).toBe(false);
    expect((await confirm(receipt))._tag).toBe("Confirmed");
  },
  ({ marks }) => marks,
);

/** Whether a rule would remove the object, as the store's own tools see it. */
async function markOf(bucket: string, key: string): Promise<boolean> {
  if (bucket.startsWith("contract-gcs-")) {
    const url = `${fakeGcs}/storage/v1/b/${bucket}/o/${encodeURIComponent(key)}`;
    const { customTime } = await (await fetch(url)).json();
    return new Date(customTime).getUTCFullYear() < 9999;
  }
  const tags = await client().getObjectTagging(bucket, key);
  return JSON.stringify(tags).includes('"pending"');
}

function client(): Client {
  const { hostname, port } = new URL(server?.endpoint ?? "");
  return new Client({
    endPoint: hostname,
    port: Number(port),
    useSSL: false,
    accessKey: server?.accessKey ?? "",
    secretKey: server?.secretKey ?? "",
  });
}

it.skipIf(server === undefined)(
  "the rule is put beside others, which stay as they were, and is put there once",
  async () => {
    const bucket = `lifecycle-${crypto.randomUUID()}`;
    await client().makeBucket(bucket);
    const keys = {
      algorithm: AWS4_HMAC_SHA256,
      accessKey: server?.accessKey ?? "",
      secretKey: server?.secretKey ?? "",
    };
    const lifecycle = s3Lifecycle({
      signer: always(signWith(keys)),
      address: bucketAddress({
        endpoint: new URL(server?.endpoint ?? ""),
        bucket,
        pathStyle: true,
        signsPath: true,
      }),
      region: "us-east-1",
    });
    const apply = (days: number) => Effect.runPromise(lifecycle.apply(days));
    expect(await apply(3)).toBe("added");
    await client().setBucketLifecycle(bucket, {
      Rule: [
        { ID: "foreign", Status: "Enabled", Filter: { Prefix: "logs/" }, Expiration: { Days: 30 } },
      ],
    });
    expect(await apply(3)).toBe("added");
    expect(await apply(3)).toBe("there");
    expect(await apply(5)).toBe("added");
    const { Rule } = (await client().getBucketLifecycle(bucket)) as unknown as {
      readonly Rule: ReadonlyArray<{ readonly ID: string }>;
    };
    expect(Rule).toHaveLength(2);
    expect(JSON.stringify(Rule.find(({ ID }) => ID === "foreign"))).toContain("logs/");
    expect(JSON.stringify(Rule.find(({ ID }) => ID !== "foreign"))).toMatch(
      /"pending".*5|5.*"pending"/,
    );
  },
);
