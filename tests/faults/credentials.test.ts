import { AssumeRoleProvider } from "minio/dist/esm/AssumeRoleProvider.mjs";
import { expect, it } from "vitest";
import { need } from "../support/need.ts";
import { serve } from "../support/serve.ts";
import { startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { endure, isReady } from "./endure.ts";
import { startToxiproxy } from "./toxiproxy.ts";

const minio = await need("minio");

/** In milliseconds. */
const LIFE = 8_000;

it("signing stops when credentials end that cannot be renewed, and goes on by itself", async () => {
  const bucket = `credentials-${crypto.randomUUID()}`;
  const server = minio ?? expect.unreachable();
  const { endpoint: stsEndpoint, ...root } = server;
  const provider = new AssumeRoleProvider({ ...root, stsEndpoint });
  const role = await serve(async (_request, response) => {
    const keys = await provider.getCredentials();
    const made = {
      AccessKeyId: keys.getAccessKey(),
      SecretAccessKey: keys.getSecretKey(),
      Token: keys.getSessionToken(),
      Expiration: new Date(Date.now() + LIFE).toISOString(),
    };
    response.setHeader("Content-Type", "application/json").end(JSON.stringify(made));
  });
  const way = await startToxiproxy(Number(role.port));
  const service = await startProcess({
    STORAGE_ADAPTER: "aws",
    STORAGE_PROVIDER: "minio",
    STORAGE_BUCKET: bucket,
    STORAGE_CREATE_BUCKET: "on",
    STORAGE_ENDPOINT: server.endpoint,
    STORAGE_POLICIES: JSON.stringify({ files: { min_lifetime: "1 second" } }),
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${way.port}/role`,
    AWS_CONFIG_FILE: "/none",
    AWS_SHARED_CREDENTIALS_FILE: "/none",
  });
  await isReady(service);
  const signing = ["200", "503 CREDENTIALS_UNAVAILABLE"];
  // They ask the store first, or sign as well.
  const asking = [...signing, "503 STORE_UNAVAILABLE"];
  // A URL ends with the credentials that signed it.
  const sending = ["200", "403 AccessDenied"];
  await endure(() => service, {
    name: "the endpoint of credentials is gone for longer than they live",
    begin: async () => {
      const before = service.output().length;
      await way.open(false);
      const said = () => service.output().slice(before);
      await until("their end", () => said().includes("CREDENTIALS_UNAVAILABLE"));
    },
    end: way.heal,
    allowed: {},
    // A busy machine may renew them too late by itself.
    always: {
      presign: signing,
      put: sending,
      confirm: asking,
      start: asking,
      sign: signing,
      part: sending,
      complete: asking,
    },
    // None is presigned, so what can be confirmed may run out.
    answers: { presign: 20 },
    shows: ["presign 503 CREDENTIALS_UNAVAILABLE"],
  });
  expect(await service.stop()).toBe(0);
});
