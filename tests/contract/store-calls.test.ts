import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Layer from "effect/Layer";
import * as ManagedRuntime from "effect/ManagedRuntime";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { layer as aws } from "../../adapters/storage/aws/layer.ts";
import { CONTENT, putRequest } from "../../adapters/storage/contract/uploads.ts";
import { send } from "../../adapters/storage/contract/send.ts";
import { layer as gcs } from "../../adapters/storage/gcs/layer.ts";
import { layer as minio } from "../../adapters/storage/minio/layer.ts";
import { GOOG4_RSA_SHA256 } from "../../adapters/storage/signing/algorithms.ts";
import { signWith } from "../../adapters/storage/signing/signer.ts";
import { guarded } from "../../application/guarded-store.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { StoreUnavailable } from "../../domain/errors.ts";
import { MediaType } from "../../domain/media-type.ts";
import { StorageKey } from "../../domain/storage-key.ts";
import {
  answerWith,
  endless,
  type Fault,
  reset,
  startFaultyServer,
} from "../support/faulty-server.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";

// Calls of each adapter to a real store behind a server that breaks their answers, and counts them.

const server = await need("minio");
const fakeGcs = await need("fakeGcs");
const bucket = `calls-${crypto.randomUUID()}`;
const mediaType = MediaType.make("image/png");

const signer = signWith({
  algorithm: GOOG4_RSA_SHA256,
  accessKey: "signer@project.iam.gserviceaccount.com",
  secretKey: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
});

const closing: Array<() => unknown> = [];
afterAll(async () => {
  for (const close of closing.toReversed()) await close();
});

/** A store behind the faulty server, as it is and guarded. */
async function startBehindFaults(name: "aws" | "minio" | "gcs") {
  const behind = new URL((name === "gcs" ? fakeGcs : server?.endpoint) ?? "http://127.0.0.1:9");
  const front = await startFaultyServer(behind);
  closing.push(front.close);
  const own = `${bucket}-${name}`;
  const common = { bucket: own, createBucket: true, endpoint: behind, pathStyle: true };
  const keys = {
    region: "us-east-1",
    accessKey: server?.accessKey ?? "",
    secretKey: Redacted.make(server?.secretKey ?? ""),
  };
  const google = {
    signLength: true,
    project: "a-project",
    iamEndpoint: new URL("http://127.0.0.1:9"),
    universeDomain: "googleapis.com",
    // Without a key the client looks for one, and remembers for all files that there is none.
    key: { signer },
  };
  const layer = (change: Partial<typeof common>) =>
    ({
      aws: () => aws({ ...common, ...change, ...keys, provider: "aws", signer: "native" }),
      minio: () => minio({ ...common, ...change, ...keys, provider: "minio" }),
      gcs: () => gcs({ ...common, ...change, ...google }),
    })[name]();
  const open = async (layer: Layer.Layer<ObjectStore | Presigner, StoreUnavailable>) => {
    const runtime = ManagedRuntime.make(layer);
    closing.push(() => runtime.dispose());
    return runtime.context();
  };
  const { ensureBucket } = Context.get(await open(layer({})), ObjectStore);
  await until("the bucket", async () => Result.isSuccess(await run(ensureBucket)), 20);
  const change = { createBucket: false, endpoint: front.url };
  const direct = await open(layer(change));
  return {
    state: front.state,
    store: Context.get(direct, ObjectStore),
    presigner: Context.get(direct, Presigner),
    /** Each with a breaker and a budget of its own. */
    guardedStore: async () => Context.get(await open(guarded(layer(change))), ObjectStore),
  };
}

function clear(state: Awaited<ReturnType<typeof startFaultyServer>>["state"]): void {
  state.fault = undefined;
  state.arrived.length = 0;
}

const run = <A, E>(call: Effect.Effect<A, E>) => Effect.runPromise(Effect.result(call));

const failureOf = async (call: Effect.Effect<unknown, unknown>) => {
  const result = await run(call);
  return Result.isFailure(result) && result.failure instanceof StoreUnavailable
    ? result.failure
    : { kind: Result.isFailure(result) ? "another" : "ok", reason: "" };
};

/** The store does not answer a look at an object, and is back for the next call. */
async function comesBack({ state, store }: Awaited<ReturnType<typeof startBehindFaults>>) {
  const [, page] = SENSELESS.find(([what]) => what.includes("knows nothing")) ?? [];
  state.faults.set("HEAD object", (...request) => {
    state.faults.clear();
    return page?.(...request);
  });
  return Result.getOrThrow(await run(store.head(key)));
}

const key = StorageKey.make(`orgs/acme/files/2026/11/${crypto.randomUUID()}.png`);

const callsTo = ({ ensureBucket, head, remove, multipart }: ObjectStore["Service"]) => {
  const upload = { key, uploadId: "bm9uZQ" };
  const parts = [{ partNumber: 1, size: 5, etag: '"an-etag"' }];
  return {
    ensureBucket,
    head: head(key),
    remove: remove({ key, version: "1234" }),
    create: multipart?.create({ key, mediaType }) ?? Effect.void,
    list: multipart?.list(upload) ?? Effect.void,
    complete: multipart?.complete({ ...upload, parts }) ?? Effect.void,
    abort: multipart?.abort(upload) ?? Effect.void,
  };
};

const S3_CALLS = {
  ensureBucket: "HEAD bucket",
  head: "HEAD object",
  remove: "DELETE object versionId",
  create: "POST object uploads",
  list: "GET object part-number-marker uploadId",
  complete: "POST object uploadId",
  abort: "DELETE object uploadId",
} as const;

const slowDown = answerWith(
  503,
  { "Content-Type": "application/xml", "Retry-After": "0" },
  "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
);
const PAGE = "<!DOCTYPE html><html><body>Sign in</body></html>";
const html = { "Content-Type": "text/html; charset=utf-8" };

const text = answerWith(200, { "Content-Type": "application/json" }, '{"error":"sign in first"}');

/** An answer about another object. */
const about = (root: string, rest = "") =>
  answerWith(
    200,
    { "Content-Type": "application/xml" },
    `<${root}><Key>another</Key>${rest}</${root}>`,
  );

/** Answers of something that is no store. */
const SENSELESS: ReadonlyArray<readonly [string, Fault]> = [
  ["a page to sign in", answerWith(200, html, PAGE)],
  [
    "a page with an ETag",
    answerWith(200, { ...html, ETag: '"e"', "Content-Length": `${PAGE.length}` }, PAGE),
  ],
  ["a page that is said to be XML", answerWith(200, { "Content-Type": "application/xml" }, PAGE)],
  ["a redirect to a page", answerWith(302, { Location: "https://login.example.com/" })],
  ["a page of a proxy that knows nothing", answerWith(404, html, PAGE)],
  ["a page of a proxy that forbids", answerWith(403, html, PAGE)],
  [
    "half a document",
    answerWith(200, { "Content-Type": "application/xml" }, "<ListPartsResult><Part>"),
  ],
  ["nothing", answerWith(200, {})],
];

describe.skipIf(server === undefined).each(["aws", "minio"] as const)("%s", (adapter) => {
  const started = startBehindFaults(adapter);
  beforeEach(async () => clear((await started).state));

  it.each(Object.entries(S3_CALLS))(
    "%s (%s) is made once by the client itself",
    async (name, call) => {
      const { state, store } = await started;
      for (const fault of [slowDown, answerWith(500, {}), reset]) {
        state.arrived.length = 0;
        state.fault = fault;
        expect(await failureOf(callsTo(store)[name as keyof typeof S3_CALLS])).toMatchObject(
          fault === reset
            ? { kind: "unreachable" }
            : {
                kind: "refused",
                isTemporary: true,
                reason: expect.stringMatching(/answered 50[03]/),
              },
        );
        expect(state.arrived).toEqual([call]);
      }
    },
  );

  it.each(Object.entries(S3_CALLS))("%s (%s) is repeated as its row says", async (name, call) => {
    const { state, guardedStore } = await started;
    const times = name === "create" ? 1 : 3;
    state.fault = slowDown;
    const failure = await failureOf(callsTo(await guardedStore())[name as keyof typeof S3_CALLS]);
    expect(failure).toMatchObject({ kind: "refused", retryAfter: 0 });
    expect(state.arrived).toEqual(Array.from({ length: times }, () => call));
  });

  it("a call that nobody waits for any more is ended", async () => {
    const { state, store } = await started;
    for (const name of Object.keys(S3_CALLS) as ReadonlyArray<keyof typeof S3_CALLS>) {
      const closed = Promise.withResolvers<void>();
      const arrived = Promise.withResolvers<void>();
      state.fault = (_, incoming) => {
        incoming.socket.once("close", () => closed.resolve());
        arrived.resolve();
      };
      const controller = new AbortController();
      const ended = Effect.runPromiseExit(callsTo(store)[name] as Effect.Effect<unknown, unknown>, {
        signal: controller.signal,
      });
      await arrived.promise;
      controller.abort();
      expect(Exit.isFailure(await ended)).toBe(true);
      await closed.promise;
    }
  });

  it.each(SENSELESS)("%s is told apart from a store that is down", async (what, fault) => {
    const { state, store } = await started;
    state.fault = fault;
    const calls = callsTo(store);
    const found = new Map<string, string>();
    for (const name of ["ensureBucket", "head", "create", "list", "complete"] as const) {
      found.set(name, (await failureOf(calls[name])).kind);
    }
    // A bucket that answers nothing, or half of something, to HEAD has answered.
    const isForBucket = /page|redirect/.test(what) && !what.includes("XML");
    expect(Object.fromEntries(found)).toEqual({
      ensureBucket: isForBucket ? "senseless" : "ok",
      head: "senseless",
      create: "senseless",
      list: "senseless",
      complete: "senseless",
    });
  });

  it("what a page or a text says is gone is not believed to be", async () => {
    const { state, store } = await started;
    const { remove, abort } = callsTo(store);
    for (const fault of [...SENSELESS.slice(0, 3).map(([, page]) => page), text]) {
      state.fault = fault;
      for (const call of [remove, abort]) {
        expect((await failureOf(call)).kind).toBe("senseless");
      }
    }
  });

  it("an answer about another object is not believed", async () => {
    const { state, store } = await started;
    const { create, list, complete } = callsTo(store);
    state.fault = about("InitiateMultipartUploadResult", "<UploadId>an-upload</UploadId>");
    expect((await failureOf(create)).kind).toBe("senseless");
    state.fault = about("ListPartsResult");
    expect((await failureOf(list)).kind).toBe("senseless");
    state.fault = about("CompleteMultipartUploadResult");
    expect((await failureOf(complete)).kind).toBe("senseless");
  });

  it("no more than a few megabytes of an answer without an end are read", async () => {
    const { state, store } = await started;
    for (const name of ["create", "list", "complete", "abort", "remove"] as const) {
      let sent = 0;
      state.fault = endless(400, (bytes) => (sent += bytes));
      expect(await failureOf(callsTo(store)[name])).toMatchObject({
        kind: "senseless",
        reason: expect.stringContaining("larger than 2097152 bytes"),
      });
      // What the kernel holds for both ends comes on top.
      expect(sent).toBeLessThan(32 * 2 ** 20);
    }
  });

  it("an object and its parts are found behind a server that breaks nothing", async () => {
    const { guardedStore: open, presigner } = await started;
    const guardedStore = await open();
    const put = await Effect.runPromise(presigner.put(putRequest(key)));
    expect((await send("PUT", put.url, { headers: put.headers, body: CONTENT })).status).toBe(200);
    const found = Result.getOrThrow(await run(guardedStore.head(key)));
    expect(found).toMatchObject({ value: { size: CONTENT.length } });
    expect(await comesBack(await started)).toEqual(found);
    const uploadId = Result.getOrThrow(
      await run(guardedStore.multipart?.create({ key, mediaType }) ?? Effect.succeed("")),
    );
    const upload = { key, uploadId };
    expect(
      Result.getOrThrow(await run(guardedStore.multipart?.list(upload) ?? Effect.void)),
    ).toMatchObject({ value: [] });
    await run(guardedStore.multipart?.abort(upload) ?? Effect.void);
  });
});

describe.skipIf(fakeGcs === undefined)("gcs", () => {
  const started = startBehindFaults("gcs");
  beforeEach(async () => clear((await started).state));
  const CALLS = { ensureBucket: 3, head: 3, remove: 3 } as const;
  type Name = keyof typeof CALLS;

  it.each(Object.keys(CALLS))("%s is made once by the client itself", async (name) => {
    const { state, store } = await started;
    for (const fault of [answerWith(503, { "Retry-After": "0" }), answerWith(500, {}), reset]) {
      state.arrived.length = 0;
      state.fault = fault;
      expect(await failureOf(callsTo(store)[name as Name])).toMatchObject(
        fault === reset ? { kind: "unreachable" } : { kind: "refused", isTemporary: true },
      );
      expect(state.arrived).toHaveLength(1);
    }
  });

  it.each(Object.entries(CALLS))("%s reaches a store in trouble %i times", async (name, times) => {
    const { state, guardedStore } = await started;
    state.fault = answerWith(503, { "Retry-After": "0" });
    expect((await failureOf(callsTo(await guardedStore())[name as Name])).kind).toBe("refused");
    expect(state.arrived).toHaveLength(times);
  });

  it.each(SENSELESS.filter(([what]) => /^a page (?:to|with|that)|nothing$/.test(what)))(
    "%s is told apart from a store that is down",
    async (what, fault) => {
      const { state, store } = await started;
      state.fault = fault;
      const { ensureBucket, head } = callsTo(store);
      const isMissing = what.includes("nothing") && what !== "nothing";
      expect((await failureOf(ensureBucket)).kind).toBe(isMissing ? "refused" : "senseless");
      expect((await failureOf(head)).kind).toBe("senseless");
    },
  );

  it("a removal that a page or a text answers is not believed", async () => {
    const { state, store } = await started;
    for (const fault of [...SENSELESS.slice(0, 3).map(([, page]) => page), text]) {
      state.fault = fault;
      expect((await failureOf(callsTo(store).remove)).kind).toBe("senseless");
    }
  });

  it("a look and a removal end when nobody waits, and read no answer without an end", async () => {
    const { state, store } = await started;
    for (const name of ["head", "remove"] as const) {
      const closed = Promise.withResolvers<void>();
      const arrived = Promise.withResolvers<void>();
      state.fault = (_, incoming) => {
        incoming.socket.once("close", () => closed.resolve());
        arrived.resolve();
      };
      const controller = new AbortController();
      const ended = Effect.runPromiseExit(callsTo(store)[name] as Effect.Effect<unknown, unknown>, {
        signal: controller.signal,
      });
      await arrived.promise;
      controller.abort();
      expect(Exit.isFailure(await ended)).toBe(true);
      await closed.promise;
    }
    let sent = 0;
    state.fault = endless(400, (bytes) => (sent += bytes));
    expect(await failureOf(callsTo(store).remove)).toMatchObject({ kind: "senseless" });
    expect(sent).toBeLessThan(32 * 2 ** 20);
  });
});
