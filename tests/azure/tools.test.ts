import { BlobServiceClient } from "@azure/storage-blob";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import assert from "node:assert/strict";
import { expect, it, onTestFinished, vi } from "vitest";
import { certifiedStore } from "../../adapters/cli/certify/certified-store.ts";
import { environmentFor } from "../../adapters/cli/credentials/forms.ts";
import { openStore } from "../../adapters/contract/subject/subject.ts";
import { variables } from "../../adapters/settings/source.ts";
import { makeBucket } from "../support/make-bucket.ts";
import { need } from "../support/need.ts";
import { startEntra } from "./entra.ts";
import { startAzureVerifier } from "./store.ts";

const azurite = await need("azurite");

it.skipIf(!azurite)("a tool with the official client uploads with what it is given", async () => {
  assert.ok(azurite);
  const entra = await startEntra();
  const { knows, state } = entra;
  const store = await startAzureVerifier({ ...azurite, knows, tenant: state.tenant });
  vi.stubEnv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential");
  vi.stubEnv("AZURE_POD_IDENTITY_AUTHORITY_HOST", entra.endpoint);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await store.close();
    await entra.close();
  });
  const bucket = `tools-${crypto.randomUUID()}`;
  const env = {
    STORAGE_ADAPTER: "azure",
    STORAGE_ENDPOINT: store.endpoint,
    STORAGE_BUCKET: bucket,
  };
  await makeBucket(env);
  const { withAbilities } = Result.getOrThrow(certifiedStore(variables(env)));
  const openable = withAbilities?.(["scoped credentials"]);
  assert.ok(openable);
  const { store: opened, close } = await openStore(openable, openable.open);
  onTestFinished(close);
  const prefix = "incoming/credentials/acme/a/";
  const request = { prefix, lifetime: Duration.minutes(15), audience: "public" } as const;
  const given = await Effect.runPromise(
    opened.credentials?.(request) ?? Effect.die("it gives none"),
  );
  assert.ok(given.kind === "azure");
  const { kind, endpoint } = given;
  const grant = { grant: "a", expires_at: "a", complete_until: "a" };
  const session = { kind, endpoint, bucket, prefix, sas: Redacted.value(given.sas), ...grant };
  const { AZURE_STORAGE_CONNECTION_STRING: connection = "" } = environmentFor(session, {});
  const container = BlobServiceClient.fromConnectionString(connection).getContainerClient(bucket);
  const put = () => container.getBlockBlobClient(`${prefix}a.txt`).upload("text", 4);
  await put();
  await expect(put()).rejects.toMatchObject({ statusCode: 403 });
  const names: Array<string> = [];
  for await (const { name } of container.listBlobsFlat({ prefix })) names.push(name);
  expect(names).toEqual([`${prefix}a.txt`]);
});
