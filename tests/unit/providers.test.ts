import type { Bucket } from "@google-cloud/storage";
import * as Result from "effect/Result";
import { expect, it } from "vitest";
import { variables } from "../../adapters/settings/source.ts";
import { applyCors, corsRule } from "../../adapters/storage/gcs/rules.ts";
import { read as readGcs } from "../../adapters/storage/gcs/settings.ts";
import { type Provider, PROVIDERS } from "../../adapters/storage/providers.ts";

const providers = Object.entries<Provider>(PROVIDERS);

it("which pages may upload is a matter of the bucket, except with these providers", () => {
  const byServer = providers.filter(([, { cors }]) => cors !== "bucket").map(([name]) => name);
  expect(byServer.toSorted()).toEqual(["minio", "silo", "wasabi"]);
});

it("one PUT takes 5 GiB, except with these providers", () => {
  const others = providers.filter(([, { largestPut }]) => largestPut !== 5 * 2 ** 30);
  expect(Object.fromEntries(others.map(([name, { largestPut }]) => [name, largestPut]))).toEqual({
    // R2's documentation: 5 MiB less than 5 GiB.
    r2: 5 * 2 ** 30 - 5 * 2 ** 20,
    b2: 5e9,
    wasabi: 5e9,
    spaces: 5e9,
  });
});

it("a key for Google in the variables is the one that signs", () => {
  const env = { STORAGE_ACCESS_KEY: "GOOG1TESTTESTTEST", STORAGE_SECRET_KEY: "a-secret" };
  expect(Result.getOrThrow(readGcs(variables(env))).key).toBeDefined();
  expect(Result.getOrThrow(readGcs(variables({}))).key).toBeUndefined();
});

it("the rule for pages names every header of a signed PUT, and is added once beside others", async () => {
  const [rule] = JSON.parse(corsRule(["https://app.example.com"]));
  expect(rule).toEqual({
    origin: ["https://app.example.com"],
    method: ["GET", "PUT"],
    responseHeader: [
      "Content-MD5",
      "Content-Type",
      "ETag",
      "x-goog-content-length-range",
      "x-goog-hash",
      "x-goog-if-generation-match",
      "x-goog-meta-valetkey-grant",
    ],
    maxAgeSeconds: expect.any(Number),
  });
  const other = { origin: ["https://b.example.com"], method: ["GET"] };
  let metadata: object = { cors: [other], metageneration: 7 };
  const conditions: Array<unknown> = [];
  const bucket = {
    getMetadata: async () => [metadata],
    setMetadata: async (changed: object, condition: unknown) => {
      metadata = { ...metadata, ...changed };
      conditions.push(condition);
    },
  } as unknown as Bucket;
  for (const outcome of ["added", "there"]) {
    expect(await applyCors(bucket, ["https://app.example.com"])).toMatchObject({ outcome });
  }
  expect(metadata).toMatchObject({ cors: [other, rule] });
  expect(conditions).toEqual([{ ifMetagenerationMatch: 7 }]);
});
