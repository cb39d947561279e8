import { afterEach, expect, it, vi } from "vitest";
import { ownServer } from "../contract/own-server.ts";

afterEach(() => vi.unstubAllEnvs());

it("an unknown provider is refused with the list of known ones", () => {
  vi.stubEnv("TEST_S3_ENDPOINT", "http://store.example.com");
  vi.stubEnv("TEST_S3_PROVIDER", "rados");
  expect(ownServer).toThrow(/TEST_S3_PROVIDER must be one of aws, minio, ceph.* and is rados/);
});

it("a server without a provider may be any that speaks the API of S3", () => {
  vi.stubEnv("TEST_S3_ENDPOINT", "http://store.example.com");
  vi.stubEnv("TEST_S3_PROVIDER", undefined);
  vi.stubEnv("TEST_S3_REGION", "eu-central-1");
  expect(ownServer()).toMatchObject({ provider: "s3", region: "eu-central-1" });
});
