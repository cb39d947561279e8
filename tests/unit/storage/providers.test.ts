import * as Result from "effect/Result";
import { expect, it } from "vitest";
import { variables } from "../../../adapters/settings/source.ts";
import { corsRule } from "../../../adapters/storage/gcs/rules.ts";
import { read as readGcs } from "../../../adapters/storage/gcs/settings.ts";

it("a key for Google in the variables is the one that signs", () => {
  const env = { STORAGE_ACCESS_KEY: "GOOG1TESTTESTTEST", STORAGE_SECRET_KEY: "a-secret" };
  expect(Result.getOrThrow(readGcs(variables(env))).key).toBeDefined();
  expect(Result.getOrThrow(readGcs(variables({}))).key).toBeUndefined();
});

it("the rule for pages names every header of a signed PUT", () => {
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
});
