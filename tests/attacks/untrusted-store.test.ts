import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import dns, { type LookupAddress } from "node:dns";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { sendTo } from "../../adapters/cli/move/send-bytes.ts";
import { newKey, PNG, getRequest, putRequest } from "../../adapters/contract/sending/uploads.ts";
import { send } from "../../adapters/contract/sending/send.ts";
import { withExchanges } from "../../adapters/contract/sending/exchange.ts";
import * as aws from "../../adapters/storage/aws/storage.ts";
import * as azure from "../../adapters/storage/azure/storage.ts";
import * as gcs from "../../adapters/storage/gcs/storage.ts";
import * as minio from "../../adapters/storage/minio/storage.ts";
import { type Env, options, type Source, variables } from "../../adapters/settings/source.ts";
import { isPublic } from "../../adapters/values/networks.ts";
import { lookupPublic } from "../../adapters/values/public-host.ts";
import { removeWhole } from "../../application/files/remove-file.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { quiet, s3Store } from "../support/s3-store.ts";
import { HOSTILE, startHostileOwner } from "../support/hostile-owner.ts";
import { serve } from "../support/serve.ts";
import { until } from "../support/until.ts";

// A bucket of a customer, who is not trusted: it leads the service nowhere, and harms it with no answer.

/** What the resolver answers, time after time. */
const resolver = (...answers: ReadonlyArray<ReadonlyArray<string>>) => {
  const asked = vi.spyOn(dns as { lookup: (...given: ReadonlyArray<unknown>) => void }, "lookup");
  let at = 0;
  asked.mockImplementation((...given) => {
    const addresses = answers[Math.min(at++, answers.length - 1)] ?? [];
    const done = given.at(-1) as (error: null, found: ReadonlyArray<LookupAddress>) => void;
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  });
  return asked;
};

beforeEach(() => {
  vi.spyOn(dns, "lookup").mockRestore();
});

const KEYS = {
  STORAGE_ACCESS_KEY: "AKIAIOSFODNN7EXAMPLE",
  STORAGE_SECRET_KEY: "secret-of-a-customer",
};
const OWNED = { STORAGE_UNTRUSTED: "on", STORAGE_BUCKET: "files", ...KEYS };

const read = (env: Env) =>
  Result.map(minio.read(variables(env)), (storageAt) => storageAt(new URL("https://a.example")));

/** Why a call to a store failed. */
const failureOf = (env: Env) => {
  const { layer } = Result.getOrThrow(read(env));
  return ObjectStore.use(({ head }) => head(newKey())).pipe(
    Effect.flip,
    Effect.map((failure) => ("reason" in failure ? failure.reason : failure._tag)),
    Effect.provide(Layer.provide(layer, quiet)),
    Effect.runPromise,
  );
};

describe("an address", () => {
  const INWARD = `
    http://127.0.0.1:9/ https://127.0.0.1 https://localhost https://a.localhost https://localhost.
    https://[::1] https://0.0.0.0 https://10.1.2.3 https://172.16.0.1 https://192.168.0.1
    https://169.254.169.254 https://100.64.0.1 https://[::ffff:127.0.0.1] https://[fd00:ec2::254]
    https://[::ffff:0:7f00:1] https://[2002:7f00:1::] https://[64:ff9b::7f00:1] https://2130706433
    https://0x7f.1 https://0177.0.0.1 https://127.0.0.1. https://168.63.129.16 https://minio
    https://metadata.google.internal https://nas.local http://store.example.com`;

  it.each(INWARD.trim().split(/\s+/))("%s is refused before anything is sent there", (endpoint) => {
    for (const over of [
      { STORAGE_ENDPOINT: endpoint },
      { STORAGE_ENDPOINT: "https://store.example.com", STORAGE_PUBLIC_ENDPOINT: endpoint },
    ]) {
      const faults = Result.getOrThrow(Result.flip(read({ ...OWNED, ...over })));
      expect(faults.map(({ setting }) => setting.variable)).toEqual([Object.keys(over).at(-1)]);
      expect(Result.isSuccess(read({ ...OWNED, ...over, STORAGE_ALLOW_PRIVATE: "on" }))).toBe(true);
      expect(Result.isSuccess(read({ ...OWNED, ...over, STORAGE_UNTRUSTED: "off" }))).toBe(true);
    }
  });

  it.each([["127.0.0.1"], ["8.8.8.8", "169.254.169.254"], ["::1"], ["::ffff:10.0.0.1"]])(
    "a name that resolves to %s, %s is not connected to",
    async (...addresses) => {
      resolver(addresses);
      const reason = await failureOf({ ...OWNED, STORAGE_ENDPOINT: "https://store.example.com" });
      expect(reason).toContain("not an https address of the public Internet");
      expect(reason).toContain("STORAGE_ALLOW_PRIVATE=on");
    },
  );

  it.each([
    ["aws", aws, { region: "us-east-1", accessKey: "AKIA", secretKey: "secret" }],
    ["azure", azure, { accessKey: "acme", secretKey: "c2VjcmV0" }],
    ["gcs", gcs, { accessKey: "GOOGA", secretKey: "secret" }],
  ] as const)("the store %s does not connect inside", async (_, store, values) => {
    resolver(["10.0.0.1"]);
    const given = { endpoint: "https://store.example.com", untrusted: true, ...values };
    const storage = Result.getOrThrow(store.read(options(given)))(new URL("https://a.example"));
    const failure = await ObjectStore.use(({ head }) => Effect.flip(head(newKey()))).pipe(
      Effect.provide(Layer.provide(storage.layer, quiet)),
      Effect.runPromise,
    );
    expect(failure).toMatchObject({ reason: expect.stringContaining("public Internet") });
  });

  it("a name that resolves to another address after the check leads to the one that was checked", async () => {
    const asked = resolver(["8.8.8.8", "2606:4700::1111"], ["127.0.0.1"]);
    const connecting = lookupPublic((host) => `${host} is inside`);
    const found = await new Promise((resolve, reject) => {
      connecting("store.example.com", { all: true }, (error, addresses) =>
        error ? reject(error) : resolve(addresses),
      );
    });
    expect(asked).toHaveBeenCalledOnce();
    expect(found).toEqual([
      { address: "8.8.8.8", family: 4 },
      { address: "2606:4700::1111", family: 6 },
    ]);
    const second = new Promise((resolve) => {
      connecting("store.example.com", {}, (error) => resolve(error?.message));
    });
    expect(await second).toBe("store.example.com is inside");
  });

  it("no command that examines a store connects inside either", async () => {
    resolver(["127.0.0.1"]);
    const to = { onExchange: () => undefined, silence: 1000, untrusted: { allowPrivate: false } };
    const trying = (url: string, written?: { head: string }) =>
      withExchanges(to, () => send("GET", url, { ...(written && { written }) }));
    await expect(trying("https://store.example.com/a")).rejects.toThrow("public Internet");
    await expect(trying("https://store.example.com/a", { head: "" })).rejects.toThrow("public");
    await expect(trying("http://store.example.com/a")).rejects.toThrow("public Internet");
    await expect(trying("https://169.254.169.254/a")).rejects.toThrow("public Internet");
  });

  it("an answer of the metadata server or of Azure's own is never public", () => {
    expect(["168.63.129.16", "169.254.169.254", "100.100.100.200"].filter(isPublic)).toEqual([]);
  });
});

const faultsOf = (
  store: {
    read: (
      source: Source,
    ) => Result.Result<unknown, ReadonlyArray<{ setting: { option?: string | undefined } }>>;
  },
  values: object,
  env: Env = {},
) =>
  Result.match(store.read(options({ untrusted: true, bucket: "files", ...values }, env)), {
    onSuccess: () => [],
    onFailure: (faults) => faults.map(({ setting }) => setting.option),
  });

describe("this service's own identity is not used for a bucket of somebody else:", () => {
  const role = "arn:aws:iam::123456789012:role/valetkey";
  const account = "valetkey@customer.iam.gserviceaccount.com";
  const tenantId = "0b1f6471-1bf0-4dda-aec3-cb9272f09590";
  const blob = "https://acme.blob.core.windows.net";

  it.each([
    ["AWS without anything", aws, { region: "us-east-1" }, ["role"]],
    ["a role that anybody may name", aws, { region: "us-east-1", role }, ["externalId"]],
    ["a role with an external id", aws, { region: "us-east-1", role, externalId: "acme" }, []],
    ["a key", aws, { region: "us-east-1", accessKey: "AKIA", secretKey: "secret" }, []],
    ["Google without anything", gcs, {}, ["role"]],
    [
      "an account, and another IAM that would get this service's token",
      gcs,
      { role: account, iamEndpoint: "https://a.example" },
      ["iamEndpoint"],
    ],
    ["an account at Google", gcs, { role: account }, []],
    [
      "an account, and an endpoint that would get its token",
      gcs,
      { role: account, endpoint: "https://a.example" },
      ["endpoint"],
    ],
    [
      "an HMAC key with an endpoint",
      gcs,
      { accessKey: "GOOGA", secretKey: "secret", endpoint: "https://a.example" },
      [],
    ],
    ["Azure without anything", azure, { endpoint: blob }, ["tenantId"]],
    ["a tenant", azure, { endpoint: blob, tenantId }, []],
    [
      "a tenant, and an endpoint that would get its token",
      azure,
      { endpoint: "https://blob.core.windows.net.a.example", tenantId },
      ["endpoint"],
    ],
    [
      "a bucket that would be made",
      aws,
      { region: "us-east-1", accessKey: "AKIA", secretKey: "secret", createBucket: true },
      ["createBucket"],
    ],
  ] as const)("%s", (_, store, values, expected) => {
    expect(faultsOf(store, values)).toEqual(expected);
  });

  it("the key of a service account that this machine has", () => {
    const env = { GOOGLE_APPLICATION_CREDENTIALS: "/run/secrets/none.json" };
    expect(faultsOf(gcs, {}, env)).toContain("role");
  });
});

const start = async (way: keyof typeof HOSTILE) => {
  const owner = await startHostileOwner(HOSTILE[way]);
  onTestFinished(owner.close);
  const layer = s3Store(owner.url, { untrusted: true, allowPrivate: true });
  const call = <A, E>(use: (store: ObjectStore["Service"]) => Effect.Effect<A, E>) =>
    ObjectStore.use(use).pipe(Effect.result, Effect.provide(layer), Effect.runPromise);
  return { owner, layer, call };
};
const UPLOAD = { key: newKey(), uploadId: "an-upload" };
const CALLS: Readonly<
  Record<string, (store: ObjectStore["Service"]) => Effect.Effect<unknown, unknown>>
> = {
  head: ({ head }) => head(UPLOAD.key),
  list: ({ list }) => list?.objects({ prefix: "orgs/", limit: 10 }) ?? Effect.void,
  versions: ({ list }) => list?.versions?.({ prefix: "orgs/", after: undefined }) ?? Effect.void,
  create: ({ parts }) => parts?.create({ key: UPLOAD.key, contentType: PNG }) ?? Effect.void,
  parts: ({ parts }) => parts?.list(UPLOAD) ?? Effect.void,
  abort: ({ parts }) => parts?.abort(UPLOAD) ?? Effect.void,
  remove: ({ remove }) => remove({ key: UPLOAD.key, version: undefined }),
  ensureBucket: ({ ensureBucket }) => ensureBucket,
};

const sign = (untrusted: boolean) =>
  Presigner.use(({ put, get }) =>
    Effect.all([put(putRequest(UPLOAD.key)), get(getRequest(UPLOAD.key))]),
  ).pipe(
    Effect.provide(s3Store("https://store.example.com", { untrusted })),
    Effect.map((signed) => signed.map(({ url }) => url.split("?")[0])),
    Effect.runPromise,
  );

describe("an answer", () => {
  it.each(Object.keys(HOSTILE) as ReadonlyArray<keyof typeof HOSTILE>)(
    "%s ends, and leaves a short reason of printable characters",
    async (way) => {
      const { owner, call } = await start(way);
      for (const [name, use] of Object.entries(CALLS)) {
        const result = await call(use);
        if (Result.isSuccess(result)) continue;
        const { reason = "" } = result.failure as { readonly reason?: string };
        expect(reason.length, name).toBeLessThan(800);
        expect(reason, name).toMatch(/^[ -~]*$/);
      }
      expect(owner.written()).toBeLessThan(64 * 2 ** 20);
      expect(owner.asked.length).toBeLessThan(60);
    },
  );

  it("compressed bytes are never decompressed", async () => {
    const { call } = await start("a bomb of gzip");
    const before = process.memoryUsage().arrayBuffers;
    await call(({ list }) => list?.objects({ prefix: "orgs/", limit: 10 }) ?? Effect.void);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 2 ** 20);
  });

  it("an object of a size that is no number has no facts", async () => {
    const { call } = await start("a size that is no number");
    expect(Result.isFailure(await call(({ head }) => head(UPLOAD.key)))).toBe(true);
  });

  it("headers reach a caller cut, and with printable characters", async () => {
    const { call } = await start("headers that act on a terminal");
    const facts = Option.getOrThrow(Result.getOrThrow(await call(({ head }) => head(UPLOAD.key))));
    expect(facts.contentType).toMatch(/^image\/\?2Ja+$/);
    expect(facts.contentType.length).toBeLessThanOrEqual(8192);
  });

  it("a removal ends although every page of a list names another", async () => {
    const { owner, layer } = await start("lists without an end");
    const removing = removeWhole(UPLOAD.key).pipe(Effect.flip, Effect.provide(layer));
    expect(await Effect.runPromise(removing)).toMatchObject({
      reason: "the store's list has no end",
    });
    expect(owner.asked.length).toBeLessThan(500);
  });

  it("a redirect to the metadata server of a cloud is not followed", async () => {
    const asked: Array<string | undefined> = [];
    const metadata = await serve(({ url }, response) => {
      asked.push(url);
      response.end("a-secret-of-this-machine");
    });
    const owner = await serve((_, response) =>
      response.writeHead(307, { Location: `${metadata.origin}/latest/meta-data` }).end(),
    );
    const layer = s3Store(owner, { untrusted: true, allowPrivate: true });
    for (const use of Object.values(CALLS)) {
      await Effect.runPromise(ObjectStore.use(use).pipe(Effect.result, Effect.provide(layer)));
    }
    expect(asked).toEqual([]);
  });

  it("a signed URL is the same as of a bucket that is trusted, and costs no call", async () => {
    const lookup = vi.spyOn(dns, "lookup");
    expect(await sign(true)).toEqual(await sign(false));
    expect(lookup).not.toHaveBeenCalled();
  });
});

/** Why a piece was not sent; undefined if it was. */
const failureOfPiece = (
  url: string | URL,
  { allowPrivate = true, bytes = new Uint8Array(1000) } = {},
) =>
  Effect.gen(function* () {
    const presigner = yield* Presigner;
    const signed = yield* presigner.put(putRequest(UPLOAD.key));
    return yield* sendTo({ allowPrivate })(signed, bytes);
  }).pipe(
    Effect.flip,
    Effect.map(({ reason }) => reason),
    Effect.orElseSucceed(() => undefined),
    Effect.provide(s3Store(url, { untrusted: true, allowPrivate })),
    Effect.runPromise,
  );

describe("a file that is moved there", () => {
  it.each([["127.0.0.1"], ["8.8.8.8", "169.254.169.254"]])(
    "is not sent to a name that resolves to %s, %s",
    async (...addresses) => {
      resolver(addresses);
      const reason = await failureOfPiece("https://store.example.com", { allowPrivate: false });
      expect(reason).toContain("not an https address of the public Internet");
    },
  );

  it("is not sent where a redirect leads", async () => {
    const asked: Array<string | undefined> = [];
    const elsewhere = await serve(({ url }, response) => {
      asked.push(url);
      response.end();
    });
    const owner = await serve((_, response) =>
      response.writeHead(307, { Location: `${elsewhere.origin}/latest` }).end(),
    );
    expect(await failureOfPiece(owner)).toContain("answered 307");
    expect(asked).toEqual([]);
  });

  it.each(Object.keys(HOSTILE) as ReadonlyArray<keyof typeof HOSTILE>)(
    "is answered with %s within bounds",
    async (way) => {
      const { owner } = await start(way);
      const reason = (await failureOfPiece(owner.url)) ?? "";
      expect(reason.length).toBeLessThan(800);
      expect(reason).toMatch(/^[ -~]*$/);
      expect(owner.written()).toBeLessThan(16 * 2 ** 20);
    },
  );

  it("is not held for a store that refuses it unread", async () => {
    const sockets: Array<Socket> = [];
    const server = createServer((socket) => {
      sockets.push(socket.on("error", () => undefined));
      socket.once("data", () => {
        socket.pause();
        socket.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
      });
    }).listen(0, "127.0.0.1");
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const bytes = new Uint8Array(64 * 2 ** 20);
    expect(await failureOfPiece(`http://127.0.0.1:${port}`, { bytes })).toContain("answered 403");
    const [socket = expect.unreachable()] = sockets;
    socket.resume();
    const isWhole = () => socket.bytesRead > bytes.length;
    await until("the end of the connection", () => socket.closed || isWhole());
    expect(isWhole()).toBe(false);
  });
});
