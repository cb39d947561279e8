import { PutObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import * as Effect from "effect/Effect";
import { expect, it } from "vitest";
import { identityFrom } from "../../../adapters/storage/aws/chain.ts";
import { locate, makeClient } from "../../../adapters/storage/aws/client.ts";
import { sdkSigner } from "../../../adapters/storage/aws/sdk-signer.ts";
import { always } from "../../../adapters/storage/credentials/held.ts";
import { AWS4_HMAC_SHA256 } from "../../../adapters/storage/signing/algorithms.ts";
import { signWith } from "../../../adapters/storage/signing/signer.ts";

const KEYS = {
  algorithm: AWS4_HMAC_SHA256,
  accessKey: "AKIAIOSFODNN7EXAMPLE",
  secretKey: "a-secret",
  sessionToken: "a token/with+signs=",
};
const NOW = Date.UTC(2026, 10, 25, 12);
const EXPIRES_IN = 600;

/** A client for the bucket, and the URL that the signer `sdk` makes for an upload to it. */
async function signed(bucket: string) {
  const settings = {
    provider: "aws",
    bucket,
    createBucket: false,
    region: "us-east-1",
    pathStyle: false,
    signer: "sdk",
  } as const;
  const client = makeClient(settings, identityFrom(KEYS));
  const { origin, path, host, scope } = (await locate(settings, client)).public;
  const url = Effect.gen(function* () {
    const held = (yield* sdkSigner(client, scope))(always(signWith(KEYS)));
    const signer = yield* held(NOW, 0);
    return yield* signer.sign({
      method: "PUT",
      origin,
      path: `${path}/orgs/a%20b/c.png`,
      query: [["x-id", "PutObject"]],
      headers: [
        ["content-length", "5"],
        ["content-type", "image/png"],
        ["host", host],
        ["x-amz-checksum-crc32c", "yZRlqg=="],
      ],
      region: "us-east-1",
      now: NOW,
      expiresIn: EXPIRES_IN,
    });
  });
  return { client, url };
}

it.each([
  "files",
  "files.with.dots",
  "files--use1-az4--x-s3",
  "arn:aws:s3:us-west-2:123456789012:accesspoint/uploads",
  "arn:aws:s3-object-lambda:us-east-1:123456789012:accesspoint/uploads",
])("the signer sdk makes the official URL for the bucket %s", async (bucket) => {
  const { client, url } = await signed(bucket);
  const bound = new Set(["content-length", "content-type", "host", "x-amz-checksum-crc32c"]);
  const command = new PutObjectCommand({
    Bucket: bucket,
    Key: "orgs/a b/c.png",
    ContentType: "image/png",
    ContentLength: 5,
    ChecksumCRC32C: "yZRlqg==",
  });
  const official = await getSignedUrl(client, command, {
    expiresIn: EXPIRES_IN,
    signingDate: new Date(NOW),
    signableHeaders: bound,
    unhoistableHeaders: bound,
  });
  const [one, other] = [new URL(await Effect.runPromise(url)), new URL(official)];
  one.searchParams.sort();
  other.searchParams.sort();
  expect(one.href).toBe(other.href);
});

it("the signer sdk says what an access point of several regions needs", async () => {
  const { url } = await signed("arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap");
  const failure = await Effect.runPromise(Effect.flip(url));
  expect(failure.reason).toMatch(/@aws-sdk\/signature-v4-crt/);
});
