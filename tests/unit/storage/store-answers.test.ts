import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Option from "effect/Option";
import { expect, it, onTestFinished, vi } from "vitest";
import { newKey, PNG } from "../../../adapters/contract/sending/uploads.ts";
import { layer as gcs } from "../../../adapters/storage/gcs/layer.ts";
import { forEachPage } from "../../../application/store/for-each-page.ts";
import { ObjectStore, type OpenUpload } from "../../../application/ports/object-store.ts";
import type { StoredPart } from "../../../domain/multipart.ts";
import { incomingKey } from "../../../domain/storage-key.ts";
import { gcsSettings, RSA_KEY } from "../../support/gcs-store.ts";
import { until } from "../../support/until.ts";
import { s3Store } from "../../support/s3-store.ts";
import { serve } from "../../support/serve.ts";

// A store that answers by a script, where a real one would have to be broken between two calls.

type Answer = readonly [status: number, xml?: string];
type Script = (call: string, headers: Readonly<Record<string, string>>) => Answer | undefined;

/** Uses the store; `asked` has each call, such as `PUT key?partNumber=1`. */
function storeThat(answers: Script, over?: Parameters<typeof s3Store>[1]) {
  const asked: Array<string> = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, { method, headers } = {}) => {
    const { pathname, searchParams } = new URL(String(input));
    const query = [...searchParams].filter(([name]) => !name.startsWith("X-Amz-"));
    const call = `${method} ${pathname.slice("/files/".length)}?${new URLSearchParams(query)}`;
    asked.push(call);
    const answer = answers(call, headers as Record<string, string>);
    if (answer === undefined) return new Promise(() => undefined);
    return new Response(answer[1] ?? null, { status: answer[0] });
  });
  onTestFinished(() => void vi.restoreAllMocks());
  const layer = s3Store("http://127.0.0.1:2", over);
  const use = <A, E>(call: (store: ObjectStore["Service"]) => Effect.Effect<A, E> | undefined) =>
    ObjectStore.use((store) => call(store) ?? Effect.die("this store cannot")).pipe(
      Effect.match({ onSuccess: (value) => value, onFailure: () => "fails" as const }),
      Effect.provide(layer),
    );
  return { asked, use };
}

const error = (status: number, code: string): Answer => [
  status,
  `<Error><Code>${code}</Code></Error>`,
];

const to = newKey();
const upload = { key: incomingKey(to), etag: '"e"', version: "v+1", size: 5, to, contentType: PNG };
const STARTED: Answer = [
  200,
  "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
];
const partOf = (etag: string): Answer => [
  200,
  `<CopyPartResult><ETag>${etag}</ETag></CopyPartResult>`,
];
const JOINED: Answer = [200, "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>"];

/** A copy of `upload` on a store that answers so. */
const copying = (part: Answer | undefined, joined: Answer) =>
  storeThat((call) => {
    if (call.startsWith("DELETE")) return error(500, "InternalError");
    if (call.startsWith("PUT")) return part;
    return call.endsWith("?uploads=") ? STARTED : joined;
  });

const ABORT = `DELETE ${to}?uploadId=u`;

it.each<[string, string, Answer, Answer]>([
  ["is there", "copied", partOf('"p"'), JOINED],
  ["came after another", "exists", partOf('"p"'), error(412, "PreconditionFailed")],
  [
    "is there, on S3Proxy",
    "copied",
    [200, "<CopyObjectResult><ETag>p</ETag></CopyObjectResult>"],
    JOINED,
  ],
  ["came after another on Swift", "exists", partOf('"p"'), error(412, "InvalidRequest")],
  ["was ended by somebody else, on S3Proxy", "changed", partOf('"p"'), error(404, "NoSuchKey")],
  ["fails with 412 and no code", "fails", partOf('"p"'), [412]],
  ["was ended by somebody else", "changed", partOf('"p"'), error(404, "NoSuchUpload")],
  ["has parts that nobody knows", "fails", partOf('"p"'), error(400, "InvalidPart")],
  ["is of an upload that was replaced", "changed", error(412, "PreconditionFailed"), JOINED],
  ["is of an upload that is gone", "changed", error(404, "NoSuchKey"), JOINED],
  ["is of a version that is gone", "changed", error(404, "NoSuchVersion"), JOINED],
  ["a removal has ended meanwhile", "changed", error(404, "NoSuchUpload"), JOINED],
  ["may not be made", "fails", error(403, "AccessDenied"), JOINED],
  ["fails after its answer began", "fails", error(200, "InternalError"), JOINED],
])(
  "a copy that %s ends as %s, and only one that was made is not aborted",
  async (_, outcome, part, joined) => {
    const { use, asked } = copying(part, joined);
    expect(await Effect.runPromise(use(({ copies }) => copies?.copy(upload)))).toBe(outcome);
    expect(asked.filter((call) => call === ABORT)).toHaveLength(outcome === "copied" ? 0 : 1);
    expect(asked.at(-1) === ABORT).toBe(outcome !== "copied");
  },
);

it("a copy whose names the store refuses, as Swift does long ones, is made without them", async () => {
  const named: Array<string | undefined> = [];
  const { use, asked } = storeThat((call, headers) => {
    if (call.startsWith("PUT")) return partOf('"p"');
    if (!call.endsWith("?uploads=")) return JOINED;
    const names = headers["x-amz-meta-valetkey-names"];
    named.push(names);
    return names === undefined ? STARTED : error(400, "MetadataTooLarge");
  });
  const copy = use(({ copies }) => copies?.copy({ ...upload, names: "v2.a.b.c" }));
  expect(await Effect.runPromise(copy)).toBe("copied");
  expect(named).toEqual(["v2.a.b.c", undefined]);
  expect(asked).not.toContain(ABORT);
});

it("a copy that nobody waits for any more is aborted", async () => {
  const { use, asked } = copying(undefined, JOINED);
  const fiber = Effect.runFork(use(({ copies }) => copies?.copy(upload)));
  await until("the copy of a part", () => asked.length === 2);
  await Effect.runPromise(Fiber.interrupt(fiber));
  expect(asked.slice(2)).toEqual([ABORT]);
});

it("a copy is of the version and the ETag that were looked at, in pieces of at most 1 GiB", async () => {
  const sources: Array<string | undefined> = [];
  const conditions: Array<string | undefined> = [];
  const { use } = storeThat((call, headers) => {
    if (call.endsWith("?uploads=")) return STARTED;
    if (call.startsWith("POST")) {
      conditions.push(headers["if-none-match"]);
      return JOINED;
    }
    const { "x-amz-copy-source": source, "x-amz-copy-source-if-match": etag } = headers;
    expect([source, etag]).toEqual([`files/${upload.key}?versionId=v%2B1`, upload.etag]);
    sources.push(headers["x-amz-copy-source-range"]);
    return partOf('"p"');
  });
  const GIB = 2 ** 30;
  for (const size of [GIB, 2 * GIB + 1]) {
    await Effect.runPromise(use(({ copies }) => copies?.copy({ ...upload, size })));
  }
  // Of two that copy at once, the later one replaces nothing.
  expect(conditions).toEqual(["*", "*"]);
  expect(sources).toEqual([
    undefined,
    `bytes=0-${GIB - 1}`,
    `bytes=${GIB}-${2 * GIB - 1}`,
    `bytes=${2 * GIB}-${2 * GIB}`,
  ]);
});

const PREFIX = "orgs/acme/";
const page = (root: string, items: string, next?: string): Answer => [
  200,
  `<${root}><IsTruncated>${next !== undefined}</IsTruncated>${next ?? ""}${items}</${root}>`,
];
const version = (kind: string, key: string, id: string) =>
  `<${kind}><Key>${PREFIX}${key}</Key><VersionId>${id}</VersionId></${kind}>`;
const marks = (key: string, id: string) =>
  `<NextKeyMarker>${PREFIX}${key}</NextKeyMarker><NextVersionIdMarker>${id}</NextVersionIdMarker>`;

it("versions of one object on two pages are all found, and delete markers with them", async () => {
  const pages = [
    page("ListVersionsResult", version("Version", "a&amp;b", "v2"), marks("a&amp;b", "v2")),
    // As rclone calls it.
    page("ListBucketVersionsResult", version("DeleteMarker", "a&amp;b", "v1")),
  ];
  const { use, asked } = storeThat(() => pages.shift() ?? error(500, "InternalError"));
  const list = (after?: string) =>
    Effect.runPromise(use(({ list }) => list?.versions?.({ prefix: PREFIX, after })));
  const key = `${PREFIX}a&b`;
  expect(await list()).toEqual({ found: [{ key, version: "v2" }], next: `${key}\nv2` });
  expect(await list(`${key}\nv2`)).toEqual({ found: [{ key, version: "v1" }] });
  expect(asked.map((call) => decodeURIComponent(call))).toEqual([
    `GET ?prefix=${PREFIX}&versions=`,
    `GET ?key-marker=${key}&prefix=${PREFIX}&version-id-marker=v2&versions=`,
  ]);
});

it.each([
  ["repeats its page", page("ListVersionsResult", version("Version", "a", "v"), marks("a", "v"))],
  ["does not say where it ends", page("ListVersionsResult", version("Version", "a", "v"), "")],
  [
    "has an object of somebody else",
    page("ListVersionsResult", "<Version><Key>orgs/other/a</Key></Version>"),
  ],
  ["has a version without its end", page("ListVersionsResult", "<Version><Key>a</Key>")],
])("a list of versions that %s makes no sense", async (_, answer) => {
  const { use } = storeThat(() => answer);
  const after = `${PREFIX}a\nv`;
  const listed = use(({ list }) => list?.versions?.({ prefix: PREFIX, after }));
  expect(await Effect.runPromise(listed)).toBe("fails");
});

const begun = (key: string, id: string) =>
  `<Upload><Key>${PREFIX}${key}</Key><UploadId>${id}</UploadId><Initiated>2026-11-01T00:00:00Z</Initiated></Upload>`;

it("a bucket that has no upload in parts, as rclone says it, has none", async () => {
  const { use } = storeThat(() => error(404, "NoSuchUpload"));
  const open = use(({ parts }) => parts?.listOpen({ prefix: PREFIX }));
  expect(await Effect.runPromise(open)).toEqual({ found: [] });
});

it("uploads in parts of one object on two pages are all found", async () => {
  const pages = [
    page("ListMultipartUploadsResult", begun("a", "u1") + begun("a", "u2"), ""),
    page("ListMultipartUploadsResult", begun("a", "u3")),
  ];
  const { use, asked } = storeThat(() => pages.shift() ?? error(500, "InternalError"));
  const key = `${PREFIX}a`;
  const ids: Array<string> = [];
  const all = use(({ parts }) =>
    forEachPage(
      (after: OpenUpload | undefined) =>
        parts?.listOpen({ prefix: PREFIX, after }) ?? Effect.die("this store cannot"),
      (found) => Effect.sync(() => ids.push(...found.map(({ uploadId }) => uploadId))),
    ),
  );
  await Effect.runPromise(all);
  expect(ids).toEqual(["u1", "u2", "u3"]);
  expect(asked.map((call) => decodeURIComponent(call))).toEqual([
    `GET ?max-uploads=500&prefix=${PREFIX}&uploads=`,
    `GET ?key-marker=${key}&max-uploads=500&prefix=${PREFIX}&upload-id-marker=u2&uploads=`,
  ]);
});

it("a copy of less than 5 MiB on Garage, which copies no such part, is one of an object", async () => {
  const abilities = new Set(["multipart", "copies"] as const);
  const over = { provider: "garage", certificate: { abilities } } as const;
  const outcomes: Array<unknown> = [];
  for (const answer of [
    [200, "<CopyObjectResult><ETag>p</ETag></CopyObjectResult>"],
    error(412, "PreconditionFailed"),
    error(400, "InvalidRequest"),
  ] as const) {
    const { use, asked } = storeThat((_, headers) => {
      expect(headers).toMatchObject({
        "content-type": PNG,
        "x-amz-copy-source-if-match": '"e"',
        "x-amz-metadata-directive": "REPLACE",
      });
      return answer;
    }, over);
    outcomes.push(await Effect.runPromise(use(({ copies }) => copies?.copy(upload))));
    expect(asked).toEqual([`PUT ${to}?`]);
  }
  expect(outcomes).toEqual(["copied", "changed", "fails"]);
});

it.each(["NoSuchUpload", "NoSuchKey"])("an upload that ended is known by %s", async (code) => {
  const { use } = storeThat(() => error(404, code));
  const id = { key: to, uploadId: "u" };
  const list = use(({ parts }) => parts?.list(id));
  expect(await Effect.runPromise(list)).toEqual(Option.none());
  const abort = use(({ parts }) => parts?.abort(id));
  expect(await Effect.runPromise(abort)).toBeUndefined();
});

it("a file whose checksum Garage finds to be another one is a mismatch", async () => {
  const { use } = storeThat(() => error(400, "InvalidDigest"));
  const complete = use(({ parts }) => parts?.complete({ key: to, uploadId: "u", parts: [] }));
  expect(await Effect.runPromise(complete)).toBe("mismatch");
});

/** "ListParts", Amazon S3 API Reference: parts of these numbers. */
const partsPage = (numbers: ReadonlyArray<number>, next?: number): Answer =>
  page(
    "ListPartsResult",
    numbers
      .map(
        (number) =>
          `<Part><PartNumber>${number}</PartNumber><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;${number}&quot;</ETag><Size>5</Size></Part>`,
      )
      .join(""),
    next === undefined ? undefined : `<NextPartNumberMarker>${next}</NextPartNumberMarker>`,
  );

it("10,000 parts are listed in ascending order, from pages of 1,000", async () => {
  const { use, asked } = storeThat((call) => {
    const after = Number(new URLSearchParams(call.split("?")[1]).get("part-number-marker"));
    const numbers = Array.from({ length: 1000 }, (_, at) => after + at + 1);
    return partsPage(numbers, after < 9000 ? after + 1000 : undefined);
  });
  const list = use(({ parts }) => parts?.list({ key: to, uploadId: "id" }));
  const parts = Option.getOrThrow((await Effect.runPromise(list)) as Option.Option<StoredParts>);
  expect(parts.map(({ partNumber }) => partNumber)).toEqual(
    Array.from({ length: 10_000 }, (_, at) => at + 1),
  );
  expect(parts.at(-1)).toMatchObject({ size: 5, etag: '"10000"' });
  expect(asked).toHaveLength(10);
});
type StoredParts = ReadonlyArray<StoredPart>;

it("a store that names the same page of parts again is not asked for ever", async () => {
  const { use, asked } = storeThat(() => partsPage([1], 1));
  const list = use(({ parts }) => parts?.list({ key: to, uploadId: "id" }));
  expect(await Effect.runPromise(list)).toMatchObject({ value: [{ partNumber: 1 }] });
  expect(asked).toHaveLength(2);
});

it("versions in Cloud Storage are found on every page", async () => {
  const asked: Array<string | null> = [];
  const endpoint = await serve(({ url = "" }, response) => {
    const page = asked.push(new URL(url, "http://store").searchParams.get("pageToken"));
    const items = [{ name: `${PREFIX}a`, generation: `${page}` }];
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ items, ...(page === 1 && { nextPageToken: "more" }) }));
  });
  const layer = gcs(gcsSettings(endpoint, { key: RSA_KEY }));
  const found: Array<unknown> = [];
  const all = ObjectStore.use(({ list }) =>
    forEachPage(
      (after: string | undefined) =>
        list?.versions?.({ prefix: PREFIX, after }) ?? Effect.die("this store cannot"),
      (page) => Effect.sync(() => void found.push(...page)),
    ),
  );
  await Effect.runPromise(Effect.provide(all, layer));
  expect(asked).toEqual([null, "more"]);
  expect(found).toEqual(["1", "2"].map((version) => ({ key: `${PREFIX}a`, version })));
});
