import * as Result from "effect/Result";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import * as cdn from "../../../adapters/delivery/cdn/settings.ts";
import { decodeStores } from "../../../adapters/storage/several/document.ts";
import { inWords } from "../../../adapters/values/decode.ts";
import { StoreName } from "../../../domain/place.ts";
import { makeFolder } from "../../support/make-folder.ts";

const ENV = { EU_SECRET: "a-secret-of-eu", STORAGE_SECRET_KEY: "of-the-default-store" };
const place = {
  env: ENV,
  publicUrl: new URL("https://uploads.example.com/base"),
  hasDefault: true,
  beside: cdn,
};
const decode = (json: unknown, over: object = {}) => decodeStores(json, { ...place, ...over });

const eu = {
  adapter: "minio",
  endpoint: "https://eu.example.com",
  bucket: "files-eu",
  access_key: "key-of-eu",
  secret_key: { variable: "EU_SECRET" },
};

it("a document has stores with their settings in snake case, and where organizations are", () => {
  const us = { adapter: "aws", region: "us-east-1", put_role: "arn:aws:iam::123456789012:role/a" };
  const decoded = decode({
    // Two names for one bucket are two stores, each with its own limits.
    stores: { eu: { ...eu, path_style: false, cdn_url: "https://cdn.example.com" }, us, other: eu },
    organizations: { org_1: "eu", org_2: { store: "us", from: "default" } },
  });
  const { stores, organizations } = Result.getOrThrow(decoded);
  expect([...stores].map(([name, { storage }]) => [name, storage.description])).toEqual([
    ["eu", "MinIO at https://eu.example.com/, bucket files-eu"],
    ["us", "Amazon S3 at us-east-1, bucket files"],
    ["other", "MinIO at https://eu.example.com/, bucket files-eu"],
  ]);
  expect(stores.get(StoreName.make("eu"))?.beside?.publicRoot).toBe("https://cdn.example.com");
  expect([...organizations]).toEqual([
    ["org_1", { store: "eu" }],
    ["org_2", { store: "us", from: "default" }],
  ]);
});

it("a store is another one if any of its settings is, or a secret", () => {
  const file = join(makeFolder(), "secret");
  const fingerprint = (members: object, env = ENV) => {
    const { stores } = Result.getOrThrow(
      decode({ stores: { eu: { ...eu, ...members } } }, { env }),
    );
    return stores.get(StoreName.make("eu"))?.fingerprint;
  };
  writeFileSync(file, "one-secret\n");
  const first = fingerprint({ secret_key: { file } });
  expect(fingerprint({ secret_key: { file } })).toBe(first);
  writeFileSync(file, "another-secret\n");
  const all = [
    first,
    fingerprint({ secret_key: { file } }),
    fingerprint({}),
    fingerprint({}, { ...ENV, EU_SECRET: "a-later-secret" }),
    fingerprint({ bucket: "others" }),
  ];
  expect(new Set(all).size).toBe(all.length);
});

const { secret_key: _, ...keyless } = eu;
const store = (members: object) => ({ stores: { eu: { ...eu, ...members } } });

it.each([
  [[], "the document: it is not an object"],
  [{ stores: {}, organisations: {} }, "/organisations: it is not a known member; the members are"],
  [{ organizations: {} }, "/stores: it is missing"],
  [{ stores: { EU: eu } }, "/stores/EU: it is not named by 1 to 63 lower-case letters"],
  [JSON.parse('{"stores":{"__proto__":{}}}'), "/stores/__proto__: it is not named by"],
  [{ stores: { default: eu } }, "/stores/default: it is the store of STORAGE_ADAPTER too"],
  [{ stores: { eu: {} } }, "/stores/eu/adapter: it must be local, aws, minio, gcs or azure"],
  [store({ adapter: "s3" }), "/stores/eu/adapter: it must be local, aws, minio, gcs or azure; did"],
  [
    store({ publicEndpoint: "" }),
    "/stores/eu/publicEndpoint: it is not a known member of minio; did you mean public_endpoint?",
  ],
  [store({ bucket: "A" }), "/stores/eu/bucket: it must be a bucket name"],
  [store({ endpoint: undefined }), "/stores/eu/endpoint: it must be an http or https URL"],
  [
    store({ secret_key: "in-the-document" }),
    '/stores/eu/secret_key: it is neither { "file": path }',
  ],
  [
    store({ secret_key: { variable: "NONE" } }),
    "/stores/eu/secret_key: it names the variable NONE, which is not set",
  ],
  [
    store({ secret_key: { file: "/none" } }),
    "/stores/eu/secret_key: it names the file /none, which cannot be read (ENOENT)",
  ],
  // Not that of the default store.
  [{ stores: { eu: keyless } }, "/stores/eu/secret_key: it must be set where access_key is"],
  [store({ cdn_signer: "google" }), "/stores/eu/cdn_url: it must be set where cdn_signer is"],
  [{ stores: { eu }, organizations: { "a b": "eu" } }, "/organizations/a b: it is not the id of"],
  [
    JSON.parse('{"stores":{},"organizations":{"__proto__":"default"}}'),
    "/organizations/__proto__: it is not the id",
  ],
  [
    { stores: { eu }, organizations: { a: "us" } },
    '/organizations/a: it names the store us, which is not among "stores"',
  ],
  [
    { stores: { eu }, organizations: { a: "__proto__" } },
    "/organizations/a: it is neither the name of a store",
  ],
  [
    { stores: { eu }, organizations: { a: { store: "eu", from: "eu" } } },
    "/organizations/a: it moves from eu to eu",
  ],
])("%j is refused", (json, fault) => {
  const decoded = decode(json);
  const words = Result.match(decoded, { onSuccess: () => "", onFailure: inWords });
  expect(words).toContain(fault);
  expect(words).not.toContain("in-the-document");
});
