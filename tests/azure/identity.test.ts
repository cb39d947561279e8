import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { answerOf } from "../support/ask.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { startProcess, untilReady } from "../support/service-process.ts";
import { type Entra, startEntra } from "./entra.ts";
import { startEntraHttps } from "./entra-https.ts";
import { startAzureVerifier } from "./store.ts";

// The whole service by an identity: Microsoft's own client asks for the token.

const azurite = await need("azurite");

const IDENTITIES = {
  secret: ({ state }: Entra) => ({
    AZURE_TOKEN_CREDENTIALS: "EnvironmentCredential",
    AZURE_CLIENT_ID: state.clientId,
    AZURE_CLIENT_SECRET: state.clientSecret,
  }),
  assertion: ({ state }: Entra, folder: string) => {
    const file = join(folder, "token");
    writeFileSync(file, state.assertion);
    return {
      AZURE_TOKEN_CREDENTIALS: "WorkloadIdentityCredential",
      AZURE_CLIENT_ID: state.clientId,
      AZURE_FEDERATED_TOKEN_FILE: file,
    };
  },
  "secret, in the tenant of a customer,": ({ state }: Entra) => ({
    AZURE_TOKEN_CREDENTIALS: "EnvironmentCredential",
    AZURE_TENANT_ID: crypto.randomUUID(),
    AZURE_CLIENT_ID: state.clientId,
    AZURE_CLIENT_SECRET: state.clientSecret,
    STORAGE_AZURE_TENANT_ID: state.tenant,
  }),
  "secret, of an application of a customer,": ({ state }: Entra) => ({
    STORAGE_AZURE_TENANT_ID: state.tenant,
    STORAGE_AZURE_CLIENT_ID: state.clientId,
    STORAGE_AZURE_CLIENT_SECRET: state.clientSecret,
  }),
  machine: ({ endpoint }: Entra) => ({
    AZURE_TOKEN_CREDENTIALS: "ManagedIdentityCredential",
    AZURE_POD_IDENTITY_AUTHORITY_HOST: endpoint,
  }),
};

describe.skipIf(azurite === undefined)("the service with an identity of Azure", () => {
  it.each(Object.keys(IDENTITIES) as ReadonlyArray<keyof typeof IDENTITIES>)(
    "a file is uploaded and confirmed by the %s of an identity, with one token and one key",
    async (kind) => {
      const entra = await startEntra();
      const { tenant } = entra.state;
      const https = await startEntraHttps(entra.endpoint, tenant);
      const options = { tenant, knows: entra.knows };
      const store = azurite && (await startAzureVerifier({ ...azurite, ...options }));
      const folder = makeFolder();
      onTestFinished(async () => {
        await store?.close();
        https.close();
        await entra.close();
      });
      const service = await startProcess({
        STORAGE_ADAPTER: "azure",
        STORAGE_BUCKET: `identity-${crypto.randomUUID()}`,
        STORAGE_CREATE_BUCKET: "on",
        STORAGE_ENDPOINT: store?.endpoint ?? "",
        ...https.env,
        ...IDENTITIES[kind](entra, folder),
      });
      await untilReady(service);
      const file = { filename: "a.png", content_type: "image/png", size: 5 };
      const { body: granted, status } = await answerOf(service, "presign", file);
      expect(status, JSON.stringify(granted)).toBe(200);
      const headers = granted.put_headers;
      const stored = await fetch(granted.put_url, { method: "PUT", headers, body: "bytes" });
      expect(stored.status).toBe(201);
      const confirmed = await answerOf(service, "confirm", { receipt: granted.receipt });
      expect(confirmed.body).toMatchObject({ size: 5, content_type: "image/png", final: false });
      const read = await fetch(confirmed.body.get_url);
      expect(await read.text()).toBe("bytes");
      const [by = ""] = kind.split(",");
      expect(entra.state.asked).toEqual({ secret: 0, assertion: 0, machine: 0, [by]: 1 });
      expect(store?.asked.keys).toBe(1);
      await service.stop();
    },
  );

  it("a tenant that has not admitted the application is told how to", async () => {
    const entra = await startEntra();
    const https = await startEntraHttps(entra.endpoint, entra.state.tenant);
    const other = crypto.randomUUID();
    onTestFinished(async () => {
      https.close();
      await entra.close();
    });
    const service = await startProcess({
      STORAGE_ADAPTER: "azure",
      STORAGE_BUCKET: "files",
      STORAGE_ENDPOINT: "https://acme.blob.core.windows.net",
      ...https.env,
      STORAGE_AZURE_TENANT_ID: other,
      STORAGE_AZURE_CLIENT_ID: entra.state.clientId,
      STORAGE_AZURE_CLIENT_SECRET: entra.state.clientSecret,
    });
    await expect
      .poll(() => service.output())
      .toContain(
        `https://login.microsoftonline.com/${other}/adminconsent?client_id=${entra.state.clientId}`,
      );
    await service.stop();
  });
});
