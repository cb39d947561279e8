import * as Result from "effect/Result";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { putRequest } from "../../../adapters/contract/sending/uploads.ts";
import { completePolicies } from "../../../adapters/service/policies/document.ts";
import { variables } from "../../../adapters/settings/source.ts";
import { azureBinding } from "../../../adapters/storage/azure/binding.ts";
import { AZURE_LIMITS, azureAbilities, read } from "../../../adapters/storage/azure/settings.ts";
import { digestOf } from "../../../adapters/storage/certificate/certificate.ts";
import standsOn from "../../../adapters/storage/certificate/stands-on.json" with { type: "json" };
import { defaultPolicy } from "../../../domain/upload-policy.ts";
import { makeFolder } from "../../support/make-folder.ts";
import { certificateOf } from "../../support/store-certificate.ts";

const KEY = Buffer.from("the key of an account").toString("base64");

const reading = (env: Readonly<Record<string, string>>) =>
  read(variables({ STORAGE_BUCKET: "files", ...env }));

it.each([
  [
    `DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=${KEY};EndpointSuffix=core.chinacloudapi.cn`,
    "https://acme.blob.core.chinacloudapi.cn/",
  ],
  [`AccountName=acme;AccountKey=${KEY}`, "https://acme.blob.core.windows.net/"],
  [
    `accountkey=${KEY};accountname=acme;BlobEndpoint=http://127.0.0.1:10000/acme;`,
    "http://127.0.0.1:10000/acme",
  ],
])("a connection string has the account, its key and its address: %s", (text, address) => {
  const { account, key, endpoint } = Result.getOrThrow(reading({ STORAGE_SECRET_KEY: text }));
  expect([account, key?.account, endpoint.href]).toEqual(["acme", "acme", address]);
  expect(Buffer.from(key?.secret ?? []).toString()).toBe("the key of an account");
});

it.each([
  "UseDevelopmentStorage=true",
  "BlobEndpoint=https://acme.blob.core.windows.net/;SharedAccessSignature=sv=2026&sig=c2VjcmV0",
])("a connection string without a key is refused, and not shown: %s", (text) => {
  const env = { STORAGE_SECRET_KEY: text, STORAGE_ENDPOINT: "https://acme.blob.core.windows.net" };
  const faults = Result.match(reading(env), {
    onSuccess: () => "",
    onFailure: (faults) => JSON.stringify(faults),
  });
  expect(faults).toContain("or a connection string that has AccountName and AccountKey");
  expect(faults).not.toContain("c2VjcmV0");
});

it("a PUT is written once by a certificate alone, of which the key of an account binds nothing else", () => {
  const endpoint = "https://acme.blob.core.windows.net";
  const shown = Object.values(standsOn.bound).flat();
  const promises = shown.map((promise) => ({ promise, outcome: "kept" }) as const);
  const file = join(makeFolder(), "certificate.json");
  const made = certificateOf({ adapter: "azure", endpoint, promises });
  const azure = JSON.parse(JSON.stringify({ ...made, provider: undefined, region: undefined }));
  writeFileSync(file, JSON.stringify({ ...azure, digest: digestOf(azure) }));
  const bound = (env: Readonly<Record<string, string>>) => {
    const settings = Result.getOrThrow(reading({ STORAGE_ENDPOINT: endpoint, ...env }));
    return azureBinding(azureAbilities(settings))(putRequest(), "");
  };
  expect(bound({})).toMatchObject({ isOnce: false, signed: [] });
  expect(bound({ STORAGE_CERTIFICATE: file }).isOnce).toBe(true);
  const byKey = bound({ STORAGE_CERTIFICATE: file, STORAGE_SECRET_KEY: KEY });
  expect(byKey).toMatchObject({ isOnce: true, signed: [] });
});

it("a policy may ask for write-once, since a PUT that finds a file is refused", () => {
  const store = { abilities: azureAbilities({}), limits: AZURE_LIMITS };
  const place = { files: defaultPolicy, store, spelling: "document", hasClamd: false } as const;
  expect(Result.isSuccess(completePolicies({ files: { write_once: true } }, place))).toBe(true);
});
