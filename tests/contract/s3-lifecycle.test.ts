import * as Effect from "effect/Effect";
import { Client } from "minio";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { s3Lifecycle } from "../../adapters/storage/rest/s3-lifecycle.ts";
import { always } from "../../adapters/storage/credentials/held.ts";
import { AWS4_HMAC_SHA256 } from "../../adapters/storage/signing/algorithms.ts";
import { bucketAddress } from "../../adapters/storage/signing/bucket-address.ts";
import { signWith } from "../../adapters/storage/signing/signer.ts";
import { need } from "../support/need.ts";

const server = await need("minio");

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
  "the lifecycle rule is added once, and other rules stay as they were",
  async () => {
    const bucket = `lifecycle-${crypto.randomUUID()}`;
    await client().makeBucket(bucket);
    const lifecycle = lifecycleOf(server?.endpoint ?? "", bucket);
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

it("if a store loses another rule, all rules are restored and the lifecycle rule is not added", async () => {
  const foreign = "<Rule><ID>foreign</ID></Rule>";
  let rules = foreign;
  // No real store of these tests loses rules, so a double keeps only the last rule.
  const store = createServer(async (request, response) => {
    const body = await text(request);
    if (request.method === "PUT") rules = body.match(/<Rule>[^]*?<\/Rule>/g)?.at(-1) ?? "";
    response.end(`<LifecycleConfiguration>${rules}</LifecycleConfiguration>`);
  });
  await once(store.listen(0, "127.0.0.1"), "listening");
  const { port } = store.address() as AddressInfo;
  const { apply } = lifecycleOf(`http://127.0.0.1:${port}`, "files");
  const refused = await Effect.runPromise(Effect.flip(apply(3)));
  store.close();
  expect(refused.reason).toContain("changed 1 of the bucket's other lifecycle rules");
  expect(rules).toBe(foreign);
});

function lifecycleOf(endpoint: string, bucket: string) {
  const { accessKey = "key", secretKey = "secret" } = server ?? {};
  return s3Lifecycle({
    signer: always(signWith({ algorithm: AWS4_HMAC_SHA256, accessKey, secretKey })),
    address: bucketAddress({
      endpoint: new URL(endpoint),
      bucket,
      pathStyle: true,
      signsPath: true,
    }),
    region: "us-east-1",
  });
}
