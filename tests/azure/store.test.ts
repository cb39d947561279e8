import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import { beforeAll, describe, expect, it } from "vitest";
import { send } from "../../adapters/contract/sending/send.ts";
import { need } from "../support/need.ts";
import { startEntra } from "./entra.ts";
import { startAzureVerifier } from "./store.ts";

// What the double adds to Azurite, and why it is needed.

const azurite = await need("azurite");
const VERSION = "2026-04-06";
const HOUR = 3_600_000;

type Signed = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly rights?: string;
  readonly over?: object;
};

describe.skipIf(azurite === undefined)("the double of Azure Blob Storage", () => {
  const { account = "", key = "", endpoint: plain = "" } = azurite ?? {};
  let entra: Awaited<ReturnType<typeof startEntra>>;
  let store: Awaited<ReturnType<typeof startAzureVerifier>>;
  const container = `double-${crypto.randomUUID()}`;

  beforeAll(async () => {
    entra = await startEntra();
    const { knows, state } = entra;
    store = await startAzureVerifier({
      account,
      key,
      endpoint: plain,
      knows,
      tenant: state.tenant,
    });
    const created = await call("PUT", `/${container}?restype=container`);
    expect(created.status).toBe(201);
    return async () => {
      await store.close();
      await entra.close();
    };
  });

  const tokenBySecret = async (over: Readonly<Record<string, string>> = {}) => {
    const { tenant, clientId, clientSecret } = entra.state;
    const form = new URLSearchParams({
      grant_type: "client_credentials",
      client_id: clientId,
      client_secret: clientSecret,
      scope: "https://storage.azure.com/.default",
      ...over,
    });
    return send("POST", `${entra.endpoint}/${tenant}/oauth2/v2.0/token`, {
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: form.toString(),
    });
  };

  const call = async (
    method: string,
    path: string,
    options: Parameters<typeof send>[2] & { readonly token?: string } = {},
  ) => {
    const token = options.token ?? tokenIn(await tokenBySecret());
    const headers = {
      ...options.headers,
      Authorization: `Bearer ${token}`,
      "x-ms-version": VERSION,
    };
    return send(method, `${store.endpoint}${path}`, { ...options, headers });
  };

  const delegation = async ({ from = Date.now() - HOUR, to = Date.now() + HOUR } = {}) => {
    const [start, end] = [from, to].map((time) => `${new Date(time).toISOString().slice(0, 19)}Z`);
    const body = `<KeyInfo><Start>${start}</Start><Expiry>${end}</Expiry></KeyInfo>`;
    return call("POST", "/?restype=service&comp=userdelegationkey", { body });
  };

  const valuesOf = (blobName: string, { headers, query, rights = "c", over }: Signed) => ({
    containerName: container,
    blobName,
    permissions: BlobSASPermissions.parse(rights),
    expiresOn: new Date(Date.now() + HOUR / 2),
    version: VERSION,
    ...(headers && { requestHeaders: { ...headers } }),
    ...(query && { requestQueryParameters: { ...query } }),
    ...over,
  });
  const urlOf = (endpoint: string, blob: string, sas: object, query: Signed["query"] = {}) => {
    const further = Object.entries(query).map(
      ([name, value]) => `&${name}=${encodeURIComponent(value)}`,
    );
    return `${endpoint}/${container}/${blob}?${String(sas)}${further.join("")}`;
  };
  /** A URL by delegation, as the official client signs it. */
  const sign = async (blob: string, signed: Signed = {}) => {
    const granted = keyIn(await delegation());
    const sas = generateBlobSASQueryParameters(valuesOf(blob, signed), granted, account);
    return urlOf(store.endpoint, blob, sas, signed.query);
  };
  const BLOCK_BLOB = { "x-ms-blob-type": "BlockBlob" };
  const put = (url: string, headers: Readonly<Record<string, string>> = BLOCK_BLOB) =>
    send("PUT", url, { headers, body: "bytes" });

  it("tags need their own right, which Azurite does not ask for", async () => {
    const tagged = { ...BLOCK_BLOB, "x-ms-tags": "a=b" };
    expect((await put(await sign(newName()), tagged)).status).toBe(403);
    expect((await put(await sign(newName(), { rights: "ct" }), tagged)).status).toBe(201);
    const blob = newName();
    const byKey = new StorageSharedKeyCredential(account, key);
    const sas = generateBlobSASQueryParameters(valuesOf(blob, {}), byKey);
    expect((await put(urlOf(plain, blob, sas), tagged)).status).toBe(201);
  });

  it("a signature for other addresses is refused, as Azurite does not", async () => {
    const over = { ipRange: { start: "192.0.2.1", end: "192.0.2.9" } };
    expect(await put(await sign(newName(), { over }))).toMatchObject({ status: 403 });
    const blob = newName();
    const byKey = new StorageSharedKeyCredential(account, key);
    const sas = generateBlobSASQueryParameters(valuesOf(blob, { over }), byKey);
    expect((await put(urlOf(plain, blob, sas))).status).toBe(201);
  });

  it("the key of a delegation is for a token, and for a week", async () => {
    const week = Date.now() + 7 * 24 * HOUR;
    expect((await delegation({ to: week - HOUR })).status).toBe(200);
    expect((await delegation({ to: week + HOUR })).status).toBe(400);
    const path = "/?restype=service&comp=userdelegationkey";
    expect((await call("POST", path, { token: "another" })).status).toBe(401);
    const token = tokenIn(await tokenBySecret());
    entra.revokeTokens();
    expect((await call("POST", path, { token })).status).toBe(401);
  });

  it("a synchronous copy needs a signature or a token for its source", async () => {
    const [from, to] = [newName(), newName()];
    await put(await sign(from));
    const copy = async (source: string, further: Readonly<Record<string, string>> = {}) => {
      const headers = { "x-ms-copy-source": source, "x-ms-requires-sync": "true", ...further };
      return (await call("PUT", `/${container}/${to}`, { headers })).status;
    };
    const source = `${store.endpoint}/${container}/${from}`;
    expect(await copy(source)).toBe(401);
    expect(await copy(await sign(from, { rights: "c" }))).toBe(403);
    expect(await copy(await sign(from, { rights: "r" }))).toBe(202);
    const token = tokenIn(await tokenBySecret());
    const authorization = { "x-ms-copy-source-authorization": `Bearer ${token}` };
    expect(await copy(source, authorization)).toBe(202);
  });

  it("a block of another blob needs a signature for its source, and is of what was signed", async () => {
    const [from, to] = [newName(), newName()];
    await put(await sign(from));
    const query = { comp: "block", blockid: "MDAx" };
    const target = await sign(to, { rights: "w", query });
    const copy = async (source: string) => {
      const headers = { "x-ms-copy-source": source, "x-ms-version": VERSION };
      return (await send("PUT", target, { headers, body: "" })).status;
    };
    expect(await copy(`${store.endpoint}/${container}/${from}`)).toBe(401);
    expect(await copy(await sign(from, { rights: "c" }))).toBe(403);
    expect(await copy(await sign(from, { rights: "r" }))).toBe(201);
  });

  it("tokens are for a client's secret, a workload's assertion and a managed identity", async () => {
    const { assertion, clientId } = entra.state;
    expect((await tokenBySecret({ client_secret: "another" })).status).toBe(401);
    expect((await tokenBySecret({ scope: "https://vault.azure.net/.default" })).status).toBe(401);
    const asserted = await tokenBySecret({
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: assertion,
    });
    const ask = async (search: string, headers: Readonly<Record<string, string>>) =>
      send("GET", `${entra.endpoint}/metadata/identity/oauth2/token?${search}`, { headers });
    const search = `api-version=2018-02-01&resource=${encodeURIComponent("https://storage.azure.com/")}`;
    const machine = await ask(`${search}&client_id=${clientId}`, { Metadata: "true" });
    expect((await ask(search, {})).status).toBe(400);
    for (const answer of [asserted, machine]) {
      expect(answer.status).toBe(200);
      const listed = await call("GET", `/${container}?restype=container&comp=list`, {
        token: tokenIn(answer),
      });
      expect(listed.status).toBe(200);
    }
  });
});

const tokenIn = ({ body }: { readonly body: Buffer }): string =>
  JSON.parse(body.toString()).access_token;

const keyIn = ({ body }: { readonly body: Buffer }) => {
  const member = (name: string) =>
    new RegExp(`<${name}>(.*?)</${name}>`).exec(body.toString())?.[1] ?? "";
  return {
    signedObjectId: member("SignedOid"),
    signedTenantId: member("SignedTid"),
    signedStartsOn: new Date(member("SignedStart")),
    signedExpiresOn: new Date(member("SignedExpiry")),
    signedService: member("SignedService"),
    signedVersion: member("SignedVersion"),
    value: member("Value"),
  };
};

const newName = () => crypto.randomUUID();
