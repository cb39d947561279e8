import * as Result from "effect/Result";
import { expect, it } from "vitest";
import { variables } from "../../adapters/settings/source.ts";
import { read } from "../../adapters/storage/azure/settings.ts";

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
