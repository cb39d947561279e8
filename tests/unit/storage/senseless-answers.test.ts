import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import { expect, it, onTestFinished } from "vitest";
import { newKey, PNG } from "../../../adapters/contract/sending/uploads.ts";
import { layer as gcs } from "../../../adapters/storage/gcs/layer.ts";
import { asUnavailable } from "../../../adapters/storage/rest/signed-fetch.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { CredentialsUnavailable, StoreUnavailable } from "../../../domain/errors.ts";
import {
  answerWith,
  endless,
  type Fault,
  reset,
  startFaultyServer,
} from "../../support/faulty-server.ts";
import { gcsSettings, RSA_KEY } from "../../support/gcs-store.ts";
import { s3Store } from "../../support/s3-store.ts";

// In the place of a store answers something that is none, or that is in trouble.

const STORES = {
  s3: s3Store,
  gcs: (endpoint: URL) => gcs(gcsSettings(endpoint, { key: RSA_KEY })),
};

const key = newKey();

const CALLS = {
  ensureBucket: ({ ensureBucket }: ObjectStore["Service"]) => ensureBucket,
  head: ({ head }: ObjectStore["Service"]) => head(key),
  remove: ({ remove }: ObjectStore["Service"]) => remove({ key, version: "1234" }),
  create: ({ parts }: ObjectStore["Service"]) => parts?.create({ key, contentType: PNG }),
  list: ({ parts }: ObjectStore["Service"]) => parts?.list(UPLOAD),
  complete: ({ parts }: ObjectStore["Service"]) =>
    parts?.complete({ ...UPLOAD, parts: [{ partNumber: 1, size: 5, etag: '"an-etag"' }] }),
  abort: ({ parts }: ObjectStore["Service"]) => parts?.abort(UPLOAD),
};
type Call = keyof typeof CALLS;
const UPLOAD = { key, uploadId: "bm9uZQ" };

async function startStore(store: keyof typeof STORES, fault?: Fault) {
  const { state, url, close } = await startFaultyServer(new URL("http://127.0.0.1:9"));
  onTestFinished(close);
  state.fault = fault;
  const layer = STORES[store](url);
  const run = (call: Call) =>
    ObjectStore.use((store): Effect.Effect<unknown, unknown> => {
      return CALLS[call](store) ?? Effect.die("the store cannot");
    }).pipe(Effect.result, Effect.provide(layer), Effect.runPromise);
  /** The kind of a failure, and whether it is temporary. */
  const failureOf = async (call: Call) => {
    const result = await run(call);
    if (Result.isSuccess(result)) return { kind: "ok", reason: "" };
    return result.failure instanceof StoreUnavailable ? result.failure : { kind: "another" };
  };
  return { state, run, failureOf };
}

it.each(
  (["s3", "gcs"] as const).flatMap((store) =>
    (Object.keys(CALLS) as ReadonlyArray<Call>).map((call) => [store, call] as const),
  ),
)("in %s, %s is asked for once by the client itself", async (store, call) => {
  const { state, failureOf } = await startStore(store);
  for (const fault of [answerWith(503, { "Retry-After": "0" }), answerWith(500, {}), reset]) {
    state.arrived.length = 0;
    state.fault = fault;
    expect(await failureOf(call)).toMatchObject(
      fault === reset ? { kind: "unreachable" } : { kind: "refused", isTemporary: true },
    );
    expect(state.arrived).toHaveLength(1);
  }
});

it.each([true, false])(
  "a call may be signed later, unless credentials are missing for good: %s",
  (isFinal) => {
    const failure = asUnavailable(new CredentialsUnavailable({ reason: "none", isFinal }));
    expect(failure).toMatchObject({ kind: "refused", reason: "none", isTemporary: !isFinal });
  },
);

const PAGE = "<!DOCTYPE html><html><body>Sign in</body></html>";
const html = { "Content-Type": "text/html; charset=utf-8" };
const xml = { "Content-Type": "application/xml" };

/** By the kinds of failures of a look at the bucket: in S3, and in Cloud Storage. */
const SENSELESS: ReadonlyArray<
  readonly [what: string, s3: string, gcs: string | undefined, answer: Fault]
> = [
  ["a page to sign in", "senseless", "senseless", answerWith(200, html, PAGE)],
  [
    "a page with an ETag",
    "senseless",
    "senseless",
    answerWith(200, { ...html, ETag: '"e"', "Content-Length": `${PAGE.length}` }, PAGE),
  ],
  // A bucket that answers nothing, or half of something, to HEAD has answered.
  ["a page that is said to be XML", "ok", "senseless", answerWith(200, xml, PAGE)],
  [
    "a redirect to a page",
    "senseless",
    undefined,
    answerWith(302, { Location: "https://login.example.com/" }),
  ],
  ["a page of a proxy that knows nothing", "senseless", undefined, answerWith(404, html, PAGE)],
  ["a page of a proxy that forbids", "senseless", undefined, answerWith(403, html, PAGE)],
  ["half a document", "ok", undefined, answerWith(200, xml, "<ListPartsResult><Part>")],
  ["nothing", "ok", "senseless", answerWith(200, {})],
];

it.each(SENSELESS)("%s is told apart from a store that is down", async (_, s3, gcs, answer) => {
  const kindsIn = async (store: keyof typeof STORES, calls: ReadonlyArray<Call>) => {
    const { failureOf } = await startStore(store, answer);
    const kinds: Array<string> = [];
    for (const call of calls) kinds.push((await failureOf(call)).kind);
    return kinds;
  };
  expect(await kindsIn("s3", ["ensureBucket", "head", "create", "list", "complete"])).toEqual([
    s3,
    ...Array(4).fill("senseless"),
  ]);
  if (gcs) expect(await kindsIn("gcs", ["ensureBucket", "head"])).toEqual([gcs, "senseless"]);
});

it.each(["s3", "gcs"] as const)(
  "an object of %s that a page or a text says is gone is not believed to be",
  async (store) => {
    const { state, failureOf } = await startStore(store);
    const text = answerWith(200, { "Content-Type": "application/json" }, '{"error":"sign in"}');
    for (const fault of [...SENSELESS.slice(0, 3).map(([, , , page]) => page), text]) {
      state.fault = fault;
      for (const call of ["remove", "abort"] as const) {
        expect((await failureOf(call)).kind).toBe("senseless");
      }
    }
  },
);

it.each([
  ["create", "InitiateMultipartUploadResult", "<UploadId>an-upload</UploadId>"],
  ["list", "ListPartsResult", ""],
  ["complete", "CompleteMultipartUploadResult", ""],
] as const)("%s does not believe an answer about another object", async (call, root, rest) => {
  const about = answerWith(200, xml, `<${root}><Key>another</Key>${rest}</${root}>`);
  const { failureOf } = await startStore("s3", about);
  expect((await failureOf(call)).kind).toBe("senseless");
});

it.each(["create", "list", "complete", "abort", "remove"] as const)(
  "%s reads no more than a few megabytes of an answer without an end",
  async (call) => {
    let sent = 0;
    const { failureOf } = await startStore(
      "s3",
      endless(400, (bytes) => (sent += bytes)),
    );
    expect(await failureOf(call)).toMatchObject({
      kind: "senseless",
      reason: expect.stringContaining("larger than 2097152 bytes"),
    });
    // What the kernel holds for both ends comes on top.
    expect(sent).toBeLessThan(32 * 2 ** 20);
  },
);

it("an object is found once the store is back behind a proxy that knew nothing", async () => {
  const facts = { ETag: '"e"', "Content-Type": "image/png", "Content-Length": "5" };
  const { state, run } = await startStore("s3", answerWith(200, facts));
  state.faults.set("HEAD object", (...request) => {
    state.faults.clear();
    return answerWith(404, html, PAGE)(...request);
  });
  const found = Result.getOrThrow(await run("head"));
  expect(found).toEqual(Option.some(expect.objectContaining({ size: 5, etag: '"e"' })));
  expect(state.arrived).toEqual(["HEAD object", "HEAD bucket", "HEAD object"]);
});

it("a bucket that is not there is told apart from a page where answers without a body claim to be one", async () => {
  const { state, failureOf } = await startStore("s3", answerWith(404, html));
  const unknown = answerWith(404, xml, "<Error><Code>NoSuchBucket</Code></Error>");
  state.faults.set("GET bucket max-keys", unknown);
  for (const call of ["ensureBucket", "head"] as const) {
    expect(await failureOf(call)).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining("does not exist"),
    });
  }
});
