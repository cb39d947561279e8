import { ByteSize } from "../../domain/byte-size.ts";
import { expect, it } from "vitest";
import { tokensOf } from "../../adapters/tokens/tokens.ts";
import { s3Error, startS3 } from "../support/s3-server.ts";
import {
  as,
  boundHeaders,
  PRESIGN,
  SERVICE_TOKEN,
  startService,
  storeAt,
  storeOf,
  TOKEN,
  TOKEN_KEY,
} from "./service.ts";

const MULTIPART = PRESIGN.replace("presign", "multipart");
const PARTS = `${MULTIPART}/parts`;
const COMPLETE = `${MULTIPART}/complete`;
const KEY = "orgs/org_1/files/2026/11/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png";
const PART_SIZE = 5 * 2 ** 20;
const FILE = { filename: "a.png", content_type: "image/png", size: 2 * PART_SIZE };
const DAY = 24 * 60 * 60 * 1000;

const { seal } = tokensOf([TOKEN_KEY]);
/** An upload of three parts, the last one of 7 bytes, that is known to the person of the tests. */
const upload = (over: object = {}) =>
  seal(
    "upload",
    JSON.stringify({
      k: KEY,
      d: "the-upload-id",
      n: "a.png",
      t: "image/png",
      s: 2 * PART_SIZE + 7,
      b: PART_SIZE,
      p: "files",
      u: "developer",
      o: "org_1",
      i: Date.now(),
      x: Date.now() + DAY,
      ...over,
    }),
  );

async function start(over: Parameters<typeof startService>[0] = {}) {
  const policies = { verified: { requireChecksum: true } };
  const service = await startService({ policies, ...over });
  const send = (method: string, path: string, body?: unknown, token = TOKEN) =>
    service.send(path, body, { method, ...as(token) });
  return { send };
}

const codeOf = ({ status, body }: { status: number; body: { code: string } }) => [
  status,
  body.code,
];

it.each([
  [{ size: 20 * 2 ** 20 }, 413, "FILE_TOO_LARGE"],
  [{ key: KEY }, 400, "INVALID_REQUEST"],
  [{ part_size: 0 }, 400, "INVALID_REQUEST"],
  [{ parts: 5 }, 400, "INVALID_REQUEST"],
  [{ strict: true }, 400, "INVALID_REQUEST"],
  [{ checksum: { algorithm: "md5", value: `${"A".repeat(22)}==` } }, 400, "INVALID_CHECKSUM"],
  [{ checksum: { algorithm: "crc32c", value: "AAAAAA" } }, 400, "INVALID_CHECKSUM"],
  // The store is not running.
  [{}, 503, "STORE_UNAVAILABLE"],
  [{ checksum: { algorithm: "crc32c", value: "AAAAAA==" } }, 503, "STORE_UNAVAILABLE"],
])("the start of an upload with %j is answered with %i %s", async (over, status, code) => {
  const { send } = await start();
  expect(codeOf(await send("POST", MULTIPART, { ...FILE, ...over }))).toEqual([status, code]);
});

it("a file that only fits in parts is refused for one PUT with the limit and the way, and listed so", async () => {
  const gibibyte = 2 ** 30;
  const policies = { films: { maxSize: ByteSize.make(1024 * gibibyte) } };
  const { send } = await start({ policies });
  const film = { ...FILE, policy: "films", size: 5 * gibibyte + 1 };
  const refused = await send("POST", PRESIGN, film);
  expect([...codeOf(refused), refused.body.limit]).toEqual([413, "FILE_TOO_LARGE", 5 * gibibyte]);
  expect(refused.body.detail).toContain("POST …/multipart");
  expect((await send("POST", PRESIGN, { ...film, size: 5 * gibibyte })).status).toBe(200);
  // The store is not running.
  expect((await send("POST", MULTIPART, film)).status).toBe(503);
  const { body } = await send("GET", PRESIGN.replace("presign", "policies"));
  const listed = body.policies.find(({ name }: { name: string }) => name === "films");
  expect([listed.max_size, listed.multipart.max_size]).toEqual([5 * gibibyte, 1024 * gibibyte]);
});

it("a store that is not used for uploads in parts refuses them, and says what to do", async () => {
  const { send } = await start({
    storage: storeOf("s3", { certificate: { abilities: new Set(["md5"]) } }),
  });
  const refused = await send("POST", MULTIPART, FILE);
  expect(codeOf(refused)).toEqual([400, "INVALID_REQUEST"]);
  expect(refused.body.detail).toBe("Upload the file with one PUT: ask for it with POST …/presign.");
  const sent = { upload: upload(), parts: [{ part_number: 1, etag: "a" }] };
  for (const [method, path, body] of [
    ["POST", PARTS, { upload: upload(), part_numbers: [1] }],
    ["GET", `${PARTS}?upload=${upload()}`, undefined],
    ["POST", COMPLETE, sent],
    ["DELETE", MULTIPART, { upload: upload() }],
  ] as const) {
    expect(codeOf(await send(method, path, body))).toEqual([400, "INVALID_REQUEST"]);
  }
});

it("the URL of a part expires no later than its upload", async () => {
  const { send } = await start();
  const ending = { upload: upload({ x: Date.now() + 60_000 }), part_numbers: [1] };
  const { body } = await send("POST", PARTS, ending);
  const { searchParams } = new URL(body.parts[0].url);
  expect(Number(searchParams.get("X-Amz-Expires"))).toBeLessThanOrEqual(60);
});

it("the URL of a part binds its own length, and needs no header", async () => {
  const { send } = await start();
  const { status, headers, body } = await send("POST", PARTS, {
    upload: upload(),
    part_numbers: [3, 1],
  });
  expect(status).toBe(200);
  expect(headers.get("cache-control")).toBe("no-store");
  expect(body.parts.map((part: object) => Object.keys(part))).toEqual([
    ["part_number", "url", "headers", "expires_at"],
    ["part_number", "url", "headers", "expires_at"],
  ]);
  for (const [index, number] of [3, 1].entries()) {
    const part = body.parts[index];
    const url = new URL(part.url);
    expect([part.part_number, part.headers]).toEqual([number, {}]);
    expect(url.origin).toBe("https://store.example.com");
    expect(url.pathname).toBe(`/files/${KEY}`);
    expect(url.searchParams.get("partNumber")).toBe(String(number));
    expect(url.searchParams.get("uploadId")).toBe("the-upload-id");
    expect(boundHeaders(url)).toBe("content-length;host");
    expect(url.searchParams.get("X-Amz-Expires")).toBe("900");
  }
});

it.each([
  ["crc32c", "AAAAAA==", "x-amz-checksum-crc32c", "content-length;host;x-amz-checksum-crc32c"],
  ["md5", `${"A".repeat(22)}==`, "content-md5", "content-length;content-md5;host"],
])("the %s of a part is bound as a header", async (algorithm, value, name, signed) => {
  const { send } = await start();
  const { body } = await send("POST", PARTS, {
    upload: upload(),
    part_numbers: [2],
    checksums: [{ algorithm, value }],
  });
  expect(body.parts[0].headers).toEqual({ [name]: value });
  expect(boundHeaders(new URL(body.parts[0].url))).toBe(signed);
});

it.each([
  [{ part_numbers: [] }, "INVALID_REQUEST", "/part_numbers"],
  [{ part_numbers: [1, 10_001] }, "INVALID_REQUEST", "/part_numbers/1"],
  [{ part_numbers: [1, 1] }, "INVALID_REQUEST", "/part_numbers"],
  [
    { part_numbers: Array.from({ length: 101 }, (_, i) => i + 1) },
    "INVALID_REQUEST",
    "/part_numbers",
  ],
  [{ part_numbers: [4] }, "INVALID_REQUEST", undefined],
  [{ part_numbers: [1], size: 5 }, "INVALID_REQUEST", "/size"],
  [{ part_numbers: [1], checksums: [] }, "INVALID_REQUEST", "/checksums"],
  [
    { part_numbers: [1], checksums: [{ algorithm: "crc32c", value: "AAAAAB==" }] },
    "INVALID_REQUEST",
    "/checksums/0",
  ],
  [{ part_numbers: [1], upload: 5 }, "INVALID_UPLOAD", undefined],
])("a request for parts with %j is answered with 400 %s at %s", async (over, code, pointer) => {
  const { send } = await start();
  const refused = await send("POST", PARTS, { upload: upload(), ...over });
  expect([...codeOf(refused), refused.body.errors?.[0]?.pointer]).toEqual([400, code, pointer]);
});

it("a part without the checksum that its policy requires is refused", async () => {
  const { send } = await start();
  const body = { part_numbers: [1], upload: upload({ p: "verified" }) };
  expect(codeOf(await send("POST", PARTS, body))).toEqual([400, "INVALID_CHECKSUM"]);
});

it.each([
  [[], "/parts"],
  [[{ part_number: 10_001, etag: "a" }], "/parts/0/part_number"],
  [[{ part_number: 1, etag: "a\r\nb" }], "/parts/0/etag"],
  [[{ part_number: 1, etag: "" }], "/parts/0/etag"],
  [[{ part_number: 1, etag: 'a"b' }], "/parts/0/etag"],
  [[{ part_number: 1 }], "/parts/0/etag"],
  [[{ part_number: 1, etag: "a", size: 5 }], "/parts/0/size"],
  [
    [
      { part_number: 1, etag: "a" },
      { part_number: 1, etag: "b" },
    ],
    "/parts",
  ],
  [[{ part_number: 4, etag: "a" }], undefined],
])("to complete with the parts %j is refused at %s", async (parts, pointer) => {
  const { send } = await start();
  const refused = await send("POST", COMPLETE, { upload: upload(), parts });
  expect(codeOf(refused)).toEqual([400, "INVALID_REQUEST"]);
  expect(refused.body.errors?.[0]?.pointer).toBe(pointer);
});

const COMPLETED = "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>";

it.each<[string, number, string, () => Response]>([
  ["200 with its result", 409, "UPLOAD_INCOMPLETE", () => new Response(COMPLETED)],
  ["200 with an error", 503, "STORE_UNAVAILABLE", () => s3Error(200, "InternalError")],
  ["200 without a body", 503, "STORE_UNAVAILABLE", () => new Response("")],
  ["200 with another checksum", 409, "UPLOAD_MISMATCH", () => s3Error(200, "BadDigest")],
  ["403 AccessDenied", 503, "STORE_UNAVAILABLE", () => s3Error(403, "AccessDenied")],
  ["404 NoSuchUpload", 400, "INVALID_UPLOAD", () => s3Error(404, "NoSuchUpload")],
  ["412 PreconditionFailed", 409, "UPLOAD_INCOMPLETE", () => s3Error(412, "PreconditionFailed")],
  ["400 InvalidPart", 409, "UPLOAD_INCOMPLETE", () => s3Error(400, "InvalidPart")],
])(
  "an upload whose object is missing, and whose completion the store answers with %s, is %i %s",
  async (_, status, code, completion) => {
    const sizes = [PART_SIZE, PART_SIZE, 7];
    const listed = sizes.map(
      (size, i) =>
        `<Part><PartNumber>${i + 1}</PartNumber><ETag>e</ETag><Size>${size}</Size></Part>`,
    );
    const { env } = await startS3(({ method, query }) => {
      if (!query.has("uploadId")) return undefined;
      if (method === "GET") return new Response(`<ListPartsResult>${listed}</ListPartsResult>`);
      return method === "POST" ? completion() : new Response(null, { status: 204 });
    });
    const { send } = await start({ storage: storeAt(env) });
    const parts = sizes.map((_, i) => ({ part_number: i + 1, etag: "e" }));
    const body = { upload: upload(), parts };
    expect(codeOf(await send("POST", COMPLETE, body))).toEqual([status, code]);
  },
);

it.each([
  ["is completed, as before,", true, 200, undefined],
  ["is not completed", false, 409, "UPLOAD_MISMATCH"],
])(
  "an upload of which the store lists a late part alone %s if its object is there: %s",
  async (_, isThere, status, code) => {
    // As versitygw does with a part that ends after the upload was completed.
    const late = "<Part><PartNumber>1</PartNumber><ETag>late</ETag><Size>5242880</Size></Part>";
    const object = {
      "Content-Length": `${2 * PART_SIZE + 7}`,
      "Content-Type": "image/png",
      ETag: '"whole-3"',
    };
    const { env } = await startS3(({ method, query, url }) => {
      if (query.has("uploadId")) return new Response(`<ListPartsResult>${late}</ListPartsResult>`);
      const isLook = method === "HEAD" && url.includes(KEY);
      return isLook && isThere ? new Response(null, { headers: object }) : undefined;
    });
    const { send } = await start({ storage: storeAt(env) });
    const parts = [1, 2, 3].map((part_number) => ({ part_number, etag: "e" }));
    const { body, ...answer } = await send("POST", COMPLETE, { upload: upload(), parts });
    expect([answer.status, body.code]).toEqual([status, code]);
    if (isThere)
      expect(body).toMatchObject({ key: KEY, etag: '"whole-3"', receipt: expect.any(String) });
  },
);

it("a body that names 10,000 parts is read, and other bodies keep their limit", async () => {
  const { send } = await start();
  const parts = Array.from({ length: 10_000 }, (_, i) => ({
    part_number: i + 1,
    etag: `"${"0".repeat(32)}"`,
  }));
  expect(codeOf(await send("POST", COMPLETE, { upload: upload(), parts }))).toEqual([
    400,
    "INVALID_REQUEST",
  ]);
  const refused = await send("POST", PARTS, { upload: upload(), parts });
  expect(codeOf(refused)).toEqual([413, "BODY_TOO_LARGE"]);
  const larger = await send("POST", COMPLETE, { upload: "a".repeat(2 ** 20), parts });
  expect([...codeOf(larger), larger.body.limit]).toEqual([413, "BODY_TOO_LARGE", 2 ** 20]);
});

it("a long list of bad parts is refused for its first fault, and a short one for each", async () => {
  const { send } = await start();
  const faultsOf = async (count: number) => {
    const parts = Array.from({ length: count }, () => ({ part_number: 1, etag: "", name: "a" }));
    const { body } = await send("POST", COMPLETE, { upload: upload(), parts });
    return body.errors.length;
  };
  expect([await faultsOf(10_000), await faultsOf(5)]).toEqual([1, 10]);
  const members = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`m${i}`, 1]));
  const { body } = await send("POST", COMPLETE, { upload: upload(), parts: [], ...members });
  expect(body.errors).toHaveLength(1);
  for (const parts of [`${"{},".repeat(299_999)}{}`, "[".repeat(500_000) + "]".repeat(500_000)]) {
    const text = `{"upload":"${upload()}","parts":[${parts}]}`;
    expect(codeOf(await send("POST", COMPLETE, text))).toEqual([400, "INVALID_REQUEST"]);
  }
});

it("an upload that is not the caller's is refused before the parts are looked at", async () => {
  const { send } = await start();
  const parts = [{ part_number: 0, etag: "" }];
  for (const [token, status, code] of [
    ["a", 400, "INVALID_UPLOAD"],
    [upload({ u: "somebody" }), 404, "NOT_FOUND"],
    [upload(), 400, "INVALID_REQUEST"],
  ] as const) {
    const refused = await send("POST", COMPLETE, { upload: token, parts });
    expect(codeOf(refused)).toEqual([status, code]);
  }
});

it("the token of an upload works for its caller and its time, and for no other purpose", async () => {
  const { send } = await start();
  const { receipt } = (await send("POST", PRESIGN, { ...FILE })).body;
  const CONFIRM = PRESIGN.replace("presign", "confirm");
  expect(codeOf(await send("POST", CONFIRM, { receipt: upload() }))).toEqual([
    400,
    "INVALID_RECEIPT",
  ]);
  const good = upload();
  for (const [token, status, code] of [
    [receipt, 400, "INVALID_UPLOAD"],
    [seal("link", "{}"), 400, "INVALID_UPLOAD"],
    [seal("upload", "{}"), 400, "INVALID_UPLOAD"],
    [upload({ x: Date.now() - 1 }), 400, "INVALID_UPLOAD"],
    [upload({ k: "orgs/org_1/files/../../other" }), 400, "INVALID_UPLOAD"],
    [`${good}A`, 400, "INVALID_UPLOAD"],
    [good.slice(0, -1), 400, "INVALID_UPLOAD"],
    ["", 400, "INVALID_UPLOAD"],
    [upload({ u: "somebody else" }), 404, "NOT_FOUND"],
    [upload({ o: "org_2" }), 404, "NOT_FOUND"],
  ] as const) {
    for (const answer of [
      await send("POST", PARTS, { upload: token, part_numbers: [1] }),
      await send("GET", `${PARTS}?upload=${token}`),
      await send("POST", COMPLETE, { upload: token, parts: [{ part_number: 1, etag: "a" }] }),
      await send("DELETE", MULTIPART, { upload: token }),
    ]) {
      expect(codeOf(answer)).toEqual([status, code]);
    }
  }
  for (const query of ["", "?upload=%00", "?upload=a&upload=b", "?upload[]=a"]) {
    expect(codeOf(await send("GET", `${PARTS}${query}`))).toEqual([400, "INVALID_UPLOAD"]);
  }
  const asService = { upload: upload({ u: "somebody else" }), part_numbers: [1] };
  expect((await send("POST", PARTS, asService, SERVICE_TOKEN)).status).toBe(200);
});
