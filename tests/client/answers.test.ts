import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { createClient, UploadError } from "../../adapters/client/client.ts";
import {
  FILE,
  failure,
  first,
  inParts,
  isFor,
  isPut,
  LARGE,
  leave,
  network,
  PART_SIZE,
  POLICY,
  startUploads,
  TOKEN,
} from "./host.ts";

// Answers of a service that is broken or hostile, which is not ours to run: its answers are given
// in place of those of the real one.

const GRANT = { put_url: "http://127.0.0.1:9/a", put_headers: {}, receipt: "v1.a" };
const CONFIRMED = {
  key: "a",
  filename: "a.png",
  size: 1,
  content_type: "image/png",
  etag: '"a"',
  get_url: "http://127.0.0.1:9/a",
  file_url: "http://127.0.0.1:9/a",
};
const STARTED = {
  upload: "v1.secret-token",
  key: "a",
  part_size: PART_SIZE,
  part_count: 2,
  expires_at: "2030-01-01T00:00:00Z",
};
const PART = { part_number: 1, url: "http://127.0.0.1:9/a", headers: {} };

const ANSWERS: ReadonlyArray<readonly [action: string, member: string, answer: unknown]> = [
  ["policies", "policies", {}],
  ["policies", "policies.extensions", { policies: [{ ...POLICY, extensions: { ".png": 5 } }] }],
  ["policies", "policies.multipart.max_size", { policies: [{ ...POLICY, multipart: {} }] }],
  ["policies", "policies", { policies: Array.from({ length: 10_001 }, () => POLICY) }],
  ["presign", "put_url", {}],
  ...["javascript:alert(1)", "http://[", "", 5].map(
    (put_url) => ["presign", "put_url", { ...GRANT, put_url }] as const,
  ),
  ...[{ a: "b\nc: d" }, { "a b": "c" }, { a: 5 }, "Content-Type: a", null].map(
    (put_headers) => ["presign", "put_headers", { ...GRANT, put_headers }] as const,
  ),
  ["presign", "receipt", { ...GRANT, receipt: "v1.\u001b[2J" }],
  ["presign", "receipt", { ...GRANT, receipt: "a".repeat(2 ** 16 + 1) }],
  ["confirm", "key", {}],
  ["confirm", "get_url", { ...CONFIRMED, get_url: "javascript:alert(1)" }],
  ["confirm", "content_type", { ...CONFIRMED, content_type: ["image/png"] }],
  ["multipart", "upload", {}],
  // With parts of one byte there would be 5 million.
  ...[1, 0.5 + PART_SIZE, "5242880"].map(
    (part_size) => ["multipart", "part_size", { ...STARTED, part_size }] as const,
  ),
  ["multipart/parts", "parts.part_number", { parts: [] }],
  ["multipart/parts", "parts.part_number", { parts: [{ ...PART, part_number: 2 }, PART] }],
  ["multipart/parts", "parts.url", { parts: [{ ...PART, url: "file:///a" }] }],
  ["multipart/parts", "parts.headers", { parts: [{ ...PART, headers: { a: "\n" } }] }],
  ["multipart/complete", "receipt", CONFIRMED],
];

describe("an answer that cannot be used", () => {
  it("is an error that names what is wrong with it, and is not taken for a bad line", async () => {
    const { client, address } = await startUploads();
    for (const [action, member, answer] of ANSWERS) {
      const seen = network((seen) => (seen.action === action ? Response.json(answer) : undefined));
      const made = createClient({
        endpoint: address,
        organization: "acme",
        token: TOKEN,
        retry: { for: "1 second" },
        storage: new Map(),
      });
      const isLarge = action.startsWith("multipart");
      const error = await failure(isLarge ? made.upload(LARGE, inParts) : made.upload(FILE));
      expect(error).toMatchObject({ code: "invalid-answer", status: 200 });
      expect(error.message).toBe(
        `The answer of ${address}/api/v1/orgs/acme/files/${action} has no valid ${member}. Check that endpoint is the address of the service, and update this client.`,
      );
      expect(seen.filter(isFor(action))).toHaveLength(1);
      const puts = { confirm: 1, "multipart/complete": 2 }[action] ?? 0;
      expect(seen.filter(isPut)).toHaveLength(puts);
      vi.unstubAllGlobals();
    }
    expect((await client.upload(FILE)).size).toBe(FILE.size);
  });

  it("that is a page and no JSON is named as such", async () => {
    const { client } = await startUploads();
    network(({ action }) =>
      action === "presign" ? new Response("<h1>Welcome to our network") : undefined,
    );
    const error = await failure(client.upload(FILE, { retry: { for: "0 seconds" } }));
    expect([error.code, error.message]).toEqual([
      "invalid-answer",
      expect.stringContaining("/presign has no valid put_url. Check that endpoint is"),
    ]);
  });

  it("has no part of a token in its message", async () => {
    const storage = new Map<string, string>();
    const { client } = await startUploads({}, { storage });
    network(({ action }) => {
      if (action === "multipart") return Response.json(STARTED);
      if (action === "multipart/parts") return Response.json({ parts: [] });
      return action.startsWith("multipart/parts?") ? Response.json({ parts: "none" }) : undefined;
    });
    await failure(client.upload(LARGE, inParts));
    // What was begun is asked for.
    const error = await failure(client.upload(LARGE, inParts));
    expect(error.message).toMatch(/\/files\/multipart\/parts has no valid parts\. /);
    expect(error.message).not.toContain("secret");
  });

  it("to a batch with fewer grants than files fails those files alone", async () => {
    const { client } = await startUploads();
    network(first(1, isFor("batch"), () => Response.json({ uploads: [GRANT] })));
    const outcomes = await client.uploadAll([FILE, FILE]);
    expect(outcomes.map((outcome) => outcome.status === "rejected" && outcome.reason.code)).toEqual(
      ["invalid-answer", "invalid-answer"],
    );
    expect((await client.upload(FILE)).size).toBe(FILE.size);
  });

  it("of any kind is an error of this client, for every call", async () => {
    const answers = { policies: { policies: [POLICY] }, presign: GRANT, multipart: STARTED };
    const seen = vi.fn(async () => new Response(null, { status: 200, headers: { ETag: '"a"' } }));
    vi.stubGlobal("fetch", seen);
    const actions = fc.constantFrom(
      "policies",
      "presign",
      "confirm",
      "multipart",
      "multipart/parts",
    );
    await fc.assert(
      fc.asyncProperty(
        actions,
        fc.constantFrom(200, 201, 400, 404, 409, 413, 422),
        fc.jsonValue({ maxDepth: 3 }),
        async (action, status, answer) => {
          const client = createClient({
            endpoint: "http://127.0.0.1:9",
            organization: "acme",
            fetch: async (url) => {
              const asked = url.split("/files/")[1] ?? "";
              return asked === action
                ? Response.json(answer, { status })
                : Response.json(answers[asked as keyof typeof answers]);
            },
          });
          const isLarge = action.startsWith("multipart");
          const error = await client.upload(isLarge ? LARGE : FILE, isLarge ? inParts : {}).then(
            () => undefined,
            (cause: unknown) => cause,
          );
          expect(error).toBeInstanceOf(UploadError);
        },
      ),
    );
  });
});

it.each([
  ["a title that is no text", { code: "FORBIDDEN", title: 5, detail: {} }],
  ["a title with a line of its own", { code: "FORBIDDEN", title: "a\nb: done" }],
  ["errors that are none", { code: "FORBIDDEN", title: "a", errors: [null] }],
  ["missing parts by name", { code: "UPLOAD_INCOMPLETE", title: "a", missing: "1, 2" }],
  ["no object", "FORBIDDEN"],
])("a refusal with %s is that of something else than the service", async (_, problem) => {
  const { client } = await startUploads();
  network(({ action }) =>
    action === "presign" || action === "batch"
      ? Response.json(problem, { status: 403 })
      : undefined,
  );
  const error = await failure(client.upload(FILE));
  expect([error.code, error.message]).toEqual([
    "service-failed",
    "The service answered 403. Check that endpoint is the address of the service.",
  ]);
  const [outcome] = await client.uploadAll([FILE]);
  expect(outcome).toMatchObject({ reason: { code: "service-failed" } });
});

it("a refusal keeps what else the service says, as long as all its parts are in one sentence", async () => {
  const { client } = await startUploads();
  const missing = Array.from({ length: 10_000 }, (_, index) => index + 1);
  const problem = { code: "UPLOAD_INCOMPLETE", title: "a", detail: missing.join(", "), missing };
  network(({ action }) =>
    action === "confirm" ? Response.json({ ...problem, more: [1] }, { status: 409 }) : undefined,
  );
  expect(await failure(client.upload(FILE))).toMatchObject({
    code: "mismatch",
    problem: { missing, more: [1] },
  });
});

describe("a time to wait that no timer takes", () => {
  it.each(["99999999999", "9".repeat(16_000), "Fri, 31 Dec 9999 23:59:59 GMT"])(
    "is told to the caller, and nothing is sent again (%#)",
    async (header) => {
      const { client } = await startUploads();
      const busy = () => new Response("{}", { status: 503, headers: { "Retry-After": header } });
      const seen = network((seen) => (isPut(seen) ? busy() : undefined));
      const error = await failure(client.upload(FILE));
      expect(error).toMatchObject({ code: "store-refused", status: 503, retryAfter: 2_147_484 });
      expect(seen.filter(isPut)).toHaveLength(1);
      vi.unstubAllGlobals();
      const all = network((seen) => (isFor("presign")(seen) ? busy() : undefined));
      expect(await failure(client.upload(FILE))).toMatchObject({ retryAfter: 2_147_484 });
      expect(all.filter(isFor("presign"))).toHaveLength(1);
    },
  );
});

const refuse = (body: string) =>
  network((seen) => (isPut(seen) ? new Response(body, { status: 400 }) : undefined));

it("an error of the store is read up to its first 16 kB, and never on a second line", async () => {
  const { client } = await startUploads();
  refuse("<Code>A</Code><Message>a\nb: uploaded</Message>");
  const error = await failure(client.upload(FILE));
  expect(error.message).toBe(
    "The store refused the upload: it answered 400 (A). Try again, or tell the operator.",
  );
  vi.unstubAllGlobals();
  refuse(`${"<Message>".repeat(2000)}<Code>B</Code>`);
  expect((await failure(client.upload(FILE))).storeCode).toBeUndefined();
});

it("the parts are counted here: a service that says otherwise changes nothing", async () => {
  const { client } = await startUploads();
  const { promise, resolve } = Promise.withResolvers<string>();
  const real = globalThis.fetch;
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    const answer = await real(url, init);
    if (!url.endsWith("/multipart")) return answer;
    const started = { ...(await answer.json()), part_count: 4e9 };
    resolve(started.upload);
    return Response.json(started);
  });
  expect((await client.upload(LARGE, inParts)).size).toBe(LARGE.size);
  expect(await promise).toMatch(/^v1\./);
});

/** What is remembered of an upload in parts that was left, and its key. */
async function remembered() {
  const { client, storage } = await leave();
  const [[key, text] = ["", ""]] = storage;
  return { client, storage, key, kept: JSON.parse(text) };
}

const SENT = { partNumber: 1, etag: "a", checksum: "a" };

describe("a remembered upload", () => {
  const CHANGES: ReadonlyArray<
    readonly [string, (kept: { readonly file: object; readonly begun: object }) => unknown]
  > = [
    ["no JSON", () => undefined],
    ["a list", () => []],
    ["of another file", (kept) => ({ ...kept, file: { ...kept.file, size: 1 } })],
    ["of parts of one byte", (kept) => ({ ...kept, begun: { ...kept.begun, partSize: 1 } })],
    ["of parts of no size", (kept) => ({ ...kept, begun: { ...kept.begun, partSize: "big" } })],
    ["of no token", (kept) => ({ ...kept, begun: { ...kept.begun, upload: undefined } })],
    ["of a token of 16 MB", (kept) => ({ ...kept, begun: { ...kept.begun, upload: LONG } })],
    ["of ETags that no store has", (kept) => ({ ...kept, parts: [{ ...SENT, etag: "a b" }] })],
    ["of no parts", ({ file, begun }) => ({ file, begun })],
    ["of ETags alone", ({ file, begun }) => ({ file, begun, etags: ['"a"', '"b"'] })],
    ["of parts without a checksum", (kept) => ({ ...kept, parts: [{ partNumber: 1 }] })],
    [
      "of too many parts",
      (kept) => ({ ...kept, parts: Array.from({ length: 10_001 }, () => SENT) }),
    ],
  ];

  it("is forgotten if it cannot be used, and the file is sent anew", async () => {
    const { client, storage, key, kept } = await remembered();
    for (const [what, change] of CHANGES) {
      const text = JSON.stringify(change(kept)) ?? "{broken";
      storage.set(key, text);
      expect(await client.pending(), what).toEqual([]);
      expect([...storage], what).toEqual([]);
      storage.set(key, text);
      const seen = network(({ action }) =>
        action === "multipart" ? new Response("", { status: 400 }) : undefined,
      );
      expect((await failure(client.upload(LARGE, inParts))).code, what).toBe("service-failed");
      expect(seen.map(({ action }) => action).at(-1), what).toBe("multipart");
      vi.unstubAllGlobals();
    }
    const seen = network();
    expect((await client.upload(LARGE, inParts)).size).toBe(LARGE.size);
    expect(seen.filter(isPut)).toHaveLength(2);
  });

  it("is sent as it is, whatever characters its token has", async () => {
    const { client, storage, key, kept } = await remembered();
    const upload = "a&upload=b#c d%";
    storage.set(key, JSON.stringify({ ...kept, begun: { ...kept.begun, upload } }));
    const seen = network();
    await client.upload(LARGE, inParts);
    const listed = seen.find(({ action }) => action.startsWith("multipart/parts?"));
    expect([...new URL(listed?.url ?? "").searchParams]).toEqual([["upload", upload]]);
  });
});

const LONG = "a".repeat(2 ** 24);
