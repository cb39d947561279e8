import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as ManagedRuntime from "effect/ManagedRuntime";
import * as Option from "effect/Option";
import * as Redacted from "effect/Redacted";
import { createHash } from "node:crypto";
import zlib from "node:zlib";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { layer as aws } from "../../adapters/storage/aws/layer.ts";
import {
  CONTENT,
  getRequest,
  newKey,
  PNG,
  putRequest,
} from "../../adapters/contract/sending/uploads.ts";
import { send } from "../../adapters/contract/sending/send.ts";
import { useCases } from "../../adapters/contract/subject/use-cases.ts";
import { policyFor } from "../../adapters/storage/s3/by-hand.ts";
import type { PolicyInput } from "../../adapters/storage/by-hand.ts";
import { layer as minio } from "../../adapters/storage/minio/layer.ts";
import { layer as telemetry } from "../../adapters/telemetry/log.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { PartNumber } from "../../domain/multipart.ts";
import { incomingKey, type ObjectKey } from "../../domain/storage-key.ts";
import { allowedBy as keysAllowedBy, keysFor } from "../support/assume-role.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { need } from "../support/need.ts";

const server = await need("minio");
const bucket = `least-privilege-${crypto.randomUUID()}`;

/** Credentials of the real server that may do what a policy of `adapters/storage/s3/policies` allows. */
async function allowedBy(name: string | ReadonlyArray<string>) {
  if (server === undefined) throw new Error("there is no MinIO");
  return redacted(await keysAllowedBy(name, server, { bucket }));
}

const redacted = ({ accessKey, secretKey, sessionToken }: Awaited<ReturnType<typeof keysFor>>) => ({
  accessKey,
  secretKey: Redacted.make(secretKey),
  sessionToken: Redacted.make(sessionToken),
});

const root = () => ({
  provider: "minio" as const,
  bucket,
  createBucket: true,
  region: "us-east-1",
  endpoint: new URL(server?.endpoint ?? "http://none"),
  accessKey: server?.accessKey,
  secretKey: Redacted.make(server?.secretKey ?? ""),
  pathStyle: true,
});
type Settings = ReturnType<typeof root> & {
  readonly putAccessKey?: string;
  readonly getAccessKey?: string;
};
type Store = Layer.Layer<Presigner | ObjectStore>;

async function open(layer: Store, ensured = true) {
  const quiet = telemetry({ level: "none", format: "json" });
  const runtime = ManagedRuntime.make(Layer.provideMerge(layer, quiet));
  atTestEnd(() => runtime.dispose());
  if (ensured) await runtime.runPromise(ObjectStore.use((store) => store.ensureBucket));
  return runtime.runPromise(Effect.all({ presigner: Presigner, store: ObjectStore }));
}

/** Settings with a key for each use, which may do only what `valetkey policy` prints for it. */
async function separated(given: Partial<PolicyInput> = {}): Promise<Settings> {
  await open(minio(root()));
  const form = policyFor(
    { provider: "minio" },
    {
      bucket,
      arrivals: ["orgs/"],
      longestPut: 900_000,
      users: { put: "put", get: "get", service: "service" },
      ...given,
    },
  );
  const { each: documents } = form;
  if (documents === undefined || server === undefined) throw new Error("MinIO has users");
  const [service, put, get] = await Promise.all(
    (["service", "put", "get"] as const).map(async (use) =>
      redacted(await keysFor(documents[use], server, { bucket })),
    ),
  );
  return {
    ...root(),
    ...service,
    putAccessKey: put?.accessKey,
    putSecretKey: put?.secretKey,
    putSessionToken: put?.sessionToken,
    getAccessKey: get?.accessKey,
    getSecretKey: get?.secretKey,
    getSessionToken: get?.sessionToken,
  } as Settings;
}

const signGet = (presigner: Presigner["Service"], key: ObjectKey = newKey()) =>
  presigner.get(getRequest(key));

const keyOf = (url: string) => new URL(url).searchParams.get("X-Amz-Credential");

const tokenOf = (url: string) => new URL(url).searchParams.get("X-Amz-Security-Token");

/** A PUT that its holder tries to turn into a copy of another organization's file. */
async function copyOf(secret: string, presigner: Presigner["Service"]) {
  const { url, headers } = await Effect.runPromise(presigner.put(putRequest()));
  return send("PUT", url, {
    headers: { ...headers, "x-amz-copy-source": `/${bucket}/${secret}` },
    body: CONTENT,
  });
}

describe.skipIf(server === undefined).each<{
  readonly name: string;
  readonly make: (settings: Settings) => Store;
}>([
  { name: "minio", make: minio },
  { name: "aws, official signer", make: (settings) => aws({ ...settings, signer: "sdk" }) },
])("$name", ({ make }) => {
  it("every upload works with keys that may only put, only get and only look", async () => {
    const settings = await separated();
    const { presigner, store } = await open(make(settings));
    const request = putRequest();
    const put = await Effect.runPromise(presigner.put(request));
    const stored = await send("PUT", put.url, { headers: put.headers, body: CONTENT });
    expect(stored.status, stored.body.toString()).toBe(200);
    const get = await Effect.runPromise(signGet(presigner, request.key));
    expect((await send("GET", get.url)).body.equals(CONTENT)).toBe(true);
    const facts = await Effect.runPromise(store.head(request.key));
    expect(Option.map(facts, ({ size }) => size)).toEqual(Option.some(CONTENT.length));
    expect(await Effect.runPromise(store.head(newKey()))).toEqual(Option.none());
    expect(keyOf(put.url)).toContain(`${settings.putAccessKey}/`);
    expect(keyOf(get.url)).toContain(`${settings.getAccessKey}/`);
  });

  it("one key for everything works with the policy of the service alone, and copies nothing", async () => {
    await open(make(root()));
    const { presigner, store } = await open(make({ ...root(), ...(await allowedBy("service")) }));
    const request = putRequest();
    const { url, headers } = await Effect.runPromise(presigner.put(request));
    expect((await send("PUT", url, { headers, body: CONTENT })).status).toBe(200);
    const facts = Option.getOrThrow(await Effect.runPromise(store.head(request.key)));
    expect(facts.size).toBe(CONTENT.length);
    const get = await Effect.runPromise(signGet(presigner, request.key));
    expect((await send("GET", get.url)).body.equals(CONTENT)).toBe(true);
    expect((await copyOf(request.key, presigner)).status).toBe(403);
    const narrow = await open(make(await separated()));
    expect((await copyOf(request.key, narrow.presigner)).status).toBe(403);
    // Its URLs say in their query that such headers are absent, and the policy of puts denies that.
    const all = await allowedBy(["put", "get", "service"]);
    const denied = await open(make({ ...root(), ...all }));
    const put = await Effect.runPromise(denied.presigner.put(putRequest()));
    const answer = await send("PUT", put.url, { headers: put.headers, body: CONTENT });
    expect(answer.status).toBe(403);
    expect(answer.body.toString()).toContain("<Code>AccessDenied</Code>");
  });

  it("a key that may not read objects reports the permission it lacks, not a missing object", async () => {
    const put = await allowedBy("put");
    await open(make(root()));
    const { store } = await open(make({ ...root(), ...put }), false);
    const refused = await Effect.runPromise(Effect.flip(store.head(newKey())));
    expect(refused).toMatchObject({ reason: expect.stringContaining("s3:GetObject") });
  });

  it("a part is put with the key that may only put, and cannot become a copy of what that key may not read", async () => {
    const { presigner, store } = await open(make(await separated()));
    const { parts: multipart } = store;
    const { part } = presigner;
    if (multipart === undefined || part === undefined) throw new Error("there is no multipart");
    const secret = await Effect.runPromise(presigner.put(putRequest()));
    await send("PUT", secret.url, { headers: secret.headers, body: CONTENT });
    const copied = new URL(secret.url).pathname;
    const request = { ...putRequest(), partNumber: PartNumber.make(1) };
    const { key } = request;
    const uploadId = await Effect.runPromise(multipart.create({ key, contentType: PNG }));
    const { url } = await Effect.runPromise(part({ ...request, uploadId }));
    const headers = { "x-amz-copy-source": copied };
    expect((await send("PUT", url, { headers, body: CONTENT })).status).toBe(403);
    expect((await send("PUT", url, { body: CONTENT })).status).toBe(200);
    const upload = { key, uploadId };
    const parts = Option.getOrThrow(await Effect.runPromise(multipart.list(upload)));
    expect(parts).toMatchObject([{ partNumber: 1, size: CONTENT.length }]);
    const completed = await Effect.runPromise(multipart.complete({ ...upload, parts }));
    expect(completed).toBe("completed");
    await Effect.runPromise(multipart.abort(upload));
  });

  it("a key that may not make large files reports the permissions that it lacks", async () => {
    const settings = await separated();
    const narrow = { ...settings, ...(await allowedBy("get")) };
    const { store } = await open(make(narrow), false);
    const creating = store.parts?.create({ key: newKey(), contentType: PNG }) ?? Effect.never;
    const { reason } = await Effect.runPromise(Effect.flip(creating));
    expect(reason).toContain("s3:ListMultipartUploadParts");
  });

  it("confirm detects an upload that this MinIO accepts with a forged signature", async () => {
    const { presigner, store } = await open(make(await separated()));
    const value = createHash("sha256").update(CONTENT).digest("base64");
    const request = {
      ...putRequest(),
      strict: true,
      checksum: { algorithm: "sha256", value },
    } as const;
    const put = await Effect.runPromise(presigner.put(request));
    await send("PUT", put.url, { headers: put.headers, body: CONTENT });
    // CVE-2026-41145: MinIO does not check the signature of such an upload.
    const { url } = await Effect.runPromise(presigner.put(putRequest()));
    const query = new URL(url).search.replace(/(X-Amz-Signature=)[^&]+/, "$100");
    const crc32 = Buffer.alloc(4);
    crc32.writeUInt32BE(zlib.crc32("forged"));
    const forged = await send("PUT", put.url.slice(0, put.url.indexOf("?")) + query, {
      headers: {
        "Content-Type": "image/png",
        "Content-Encoding": "aws-chunked",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "6",
        "x-amz-trailer": "x-amz-checksum-crc32",
      },
      body: `6\r\nforged\r\n0\r\nx-amz-checksum-crc32:${crc32.toString("base64")}\r\n\r\n`,
    });
    // This line fails once MinIO is fixed.
    expect(forged.status).toBe(200);
    const facts = Option.getOrThrow(await Effect.runPromise(store.head(request.key)));
    expect(facts.checksums.sha256).toBeUndefined();
    expect(facts.size).not.toBe(CONTENT.length);
  });
});

it.skipIf(server === undefined)(
  "with uploads that wait, no URL by the key for downloads reads incoming/, and none by the key for uploads writes a file",
  async () => {
    const services = await open(minio(await separated({ arrivals: ["incoming/"] })));
    const { presigner, store } = services;
    const { grant, confirm } = useCases(services);
    const { key, put: granted, receipt } = await grant({}, "incoming");
    const waiting = incomingKey(key);
    expect((await send("PUT", granted.url, { ...granted, body: CONTENT })).status).toBe(200);

    const read = async (key: ObjectKey) =>
      (await send("GET", (await Effect.runPromise(signGet(presigner, key))).url)).status;
    const write = async (key: ObjectKey) => {
      const { url, headers } = await Effect.runPromise(presigner.put(putRequest(key)));
      return (await send("PUT", url, { headers, body: CONTENT })).status;
    };
    expect(await read(waiting)).toBe(403);
    expect([await write(key), await write(newKey())]).toEqual([403, 403]);
    const { part } = presigner;
    const { parts, list } = store;
    if (!part || !parts || !list?.versions) throw new Error("no parts");
    const at = newKey();
    const uploadId = await Effect.runPromise(parts.create({ key: at, contentType: PNG }));
    const request = { ...putRequest(at), uploadId, partNumber: PartNumber.make(1) };
    const { url } = await Effect.runPromise(part(request));
    expect((await send("PUT", url, { body: CONTENT })).status).toBe(403);
    await Effect.runPromise(parts.abort({ key: at, uploadId }));

    // The service's key does what confirm, sweep and removal need.
    expect(await confirm(receipt)).toMatchObject({ _tag: "Done", final: true });
    expect(await read(key)).toBe(200);
    expect(await Effect.runPromise(store.head(waiting))).toEqual(Option.none());
    expect(await write(key)).toBe(403);
    await Effect.runPromise(list.objects({ prefix: "incoming/", limit: 10 }));
    await Effect.runPromise(parts.listOpen({ prefix: key }));
    await Effect.runPromise(list.versions({ prefix: key }));
    await Effect.runPromise(store.remove({ key, version: undefined }));
  },
);

it.skipIf(server === undefined)(
  "a role that is assumed for uploads signs uploads, and not downloads",
  async () => {
    vi.stubEnv("AWS_ENDPOINT_URL_STS", server?.endpoint ?? "");
    onTestFinished(() => void vi.unstubAllEnvs());
    await open(minio(root()));
    const { presigner } = await open(
      aws({
        ...root(),
        signer: "native",
        putRole: "arn:aws:iam::123456789012:role/valetkey-put",
      }),
    );
    const request = putRequest();
    const put = await Effect.runPromise(presigner.put(request));
    const get = await Effect.runPromise(signGet(presigner, request.key));
    expect([tokenOf(put.url) === null, tokenOf(get.url)]).toEqual([false, null]);
    const stored = await send("PUT", put.url, { headers: put.headers, body: CONTENT });
    expect(stored.status, stored.body.toString()).toBe(200);
  },
);

it.skipIf(server === undefined)(
  "with one role for everything, an upload URL reads nothing, also as a copy, and a file is confirmed",
  async () => {
    vi.stubEnv("AWS_ENDPOINT_URL_STS", server?.endpoint ?? "");
    onTestFinished(() => void vi.unstubAllEnvs());
    await open(minio(root()));
    const role = "arn:aws:iam::123456789012:role/valetkey";
    const services = await open(
      aws({ ...root(), signer: "native", role, externalId: "org_1-5b0f8c1e" }),
    );
    const { presigner } = services;
    const { grant, confirm } = useCases(services);
    const { key, put, receipt } = await grant({}, "incoming");
    expect((await send("PUT", put.url, { ...put, body: CONTENT })).status).toBe(200);
    expect(await confirm(receipt)).toMatchObject({ _tag: "Done", final: true });
    const get = await Effect.runPromise(signGet(presigner, key));
    expect((await send("GET", get.url)).body).toEqual(Buffer.from(CONTENT));
    const tokens = [put.url, get.url].map(tokenOf);
    expect(new Set(tokens).size).toBe(2);
    expect(tokens).not.toContain(null);
    expect((await copyOf(key, presigner)).status).toBe(403);
  },
);
