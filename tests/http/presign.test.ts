import { beforeAll, expect, it } from "vitest";
import { boundHeaders, PRESIGN, presignInit, signedAt, startService, TOKEN } from "./service.ts";

let service: Awaited<ReturnType<typeof startService>>;
beforeAll(async () => {
  service = await startService();
});

/** Sends a presign request; gives status and headers, with the members of the answer. */
async function presign(body: unknown, headers?: Readonly<Record<string, string>>) {
  const answer = await service.request(PRESIGN, presignInit(body, headers));
  return { status: answer.status, headers: answer.headers, ...(await answer.json()) };
}

const good = { filename: "a.png", content_type: "image/png", size: 5 };

it("a granted upload is answered with the members of the contract and no others", async () => {
  const { status, headers, ...body } = await presign(good);
  expect(status).toBe(200);
  expect(headers.get("cache-control")).toBe("no-store");
  expect(headers.get("content-type")).toBe("application/json");
  expect(Object.keys(body).toSorted()).toEqual([
    "get_expires_at",
    "get_url",
    "key",
    "put_expires_at",
    "put_headers",
    "put_url",
    "receipt",
  ]);
  expect(body.key).toMatch(/^orgs\/org_1\/files\/\d{4}\/\d{2}\/[0-9a-f-]{36}\.png$/);
  expect(body.put_headers).toEqual({ "Content-Type": "image/png" });
  const put = new URL(body.put_url);
  expect(put.origin).toBe("https://store.example.com");
  expect(put.pathname).toBe(`/files/${body.key}`);
  expect(put.searchParams.get("X-Amz-Expires")).toBe("900");
  expect(boundHeaders(put)).toBe("content-length;content-type;host");
  const get = new URL(body.get_url);
  expect(get.searchParams.get("X-Amz-Expires")).toBe("86400");
  expect(get.searchParams.get("response-content-type")).toBe("image/png");
  expect(get.searchParams.get("response-content-disposition")).toBe('inline; filename="a.png"');
});

it("a granted upload says when its URLs expire, counted from the second of the signature", async () => {
  const { put_url, put_expires_at, get_url, get_expires_at } = await presign(good);
  // Each in its own second, which may end between the two.
  const [put, get] = [put_url, get_url].map((url) => signedAt(new URL(url)) * 1000);
  expect(Date.parse(put_expires_at) - (put ?? 0)).toBe(15 * 60 * 1000);
  expect(Date.parse(get_expires_at) - (get ?? 0)).toBe(24 * 60 * 60 * 1000);
});

it("a PDF is shown in its place where the policy says so", async () => {
  const { request } = await startService({ policy: { inlinePdf: true } });
  const pdf = { ...good, filename: "a.pdf", content_type: "application/pdf" };
  const { get_url } = await (await request(PRESIGN, presignInit(pdf))).json();
  expect(new URL(get_url).searchParams.get("response-content-disposition")).toBe(
    'inline; filename="a.pdf"',
  );
});

it("every presign returns a new key", async () => {
  expect((await presign(good)).key).not.toBe((await presign(good)).key);
});

it.each([
  ["", "INVALID_REQUEST", ""],
  ["{", "INVALID_REQUEST", ""],
  ["[]", "INVALID_REQUEST", ""],
  [{ ...good, size: undefined }, "INVALID_REQUEST", "/size"],
  [{ ...good, key: "orgs/x" }, "INVALID_REQUEST", "/key"],
  [{ ...good, receipt: 5 }, "INVALID_REQUEST", "/receipt"],
  [{ ...good, "a/b~c": 1 }, "INVALID_REQUEST", "/a~1b~0c"],
  [JSON.stringify(good).replace("{", '{"__proto__":{"size":1},'), "INVALID_REQUEST", "/__proto__"],
  [{ ...good, size: null }, "INVALID_SIZE", "/size"],
  [{ ...good, size: 0 }, "INVALID_SIZE", "/size"],
  [{ ...good, size: 1.5 }, "INVALID_SIZE", "/size"],
  [{ ...good, size: "10" }, "INVALID_SIZE", "/size"],
  [JSON.stringify(good).replace("5", "1e309"), "INVALID_SIZE", "/size"],
  [{ ...good, filename: "" }, "INVALID_FILE_NAME", "/filename"],
  [{ ...good, filename: "gnp.\u202eexe" }, "INVALID_FILE_NAME", "/filename"],
  [{ ...good, content_type: "png" }, "INVALID_CONTENT_TYPE", "/content_type"],
  [{ ...good, content_type: "image/png\r\nx: y" }, "INVALID_CONTENT_TYPE", "/content_type"],
  [{ ...good, content_type: ["image/png"] }, "INVALID_CONTENT_TYPE", "/content_type"],
  [{ ...good, policy: ["files"] }, "INVALID_REQUEST", "/policy"],
  [{ ...good, strict: "yes" }, "INVALID_REQUEST", "/strict"],
])("the body %j is refused with 400 %s at %j", async (body, code, pointer) => {
  const problem = await presign(body);
  expect(problem).toMatchObject({ status: 400, code });
  expect(problem.headers.get("content-type")).toBe("application/problem+json");
  expect(problem.errors).toEqual([{ pointer, reason: expect.stringMatching(/./) }]);
});

const text = JSON.stringify(good);
const and = (members: string) => `${text.slice(0, -1)},${members}}`;
const inLatin1 = (name: string) => Buffer.from(text.replace("a.png", name), "latin1");

it.each<[string, Uint8Array<ArrayBuffer> | string]>([
  ["JSON in a JSON string", JSON.stringify(text)],
  ["JSON twice", text + text],
  ["a comment", `${text}// good`],
  ["UTF-16", Buffer.from(text, "utf16le")],
  ["a byte that is not UTF-8", inLatin1("\u00ff.png")],
  ["half of a surrogate pair in UTF-8", inLatin1("\u00ed\u00a0\u0080.png")],
  ["two byte order marks", `\ufeff\ufeff${text}`],
  ["a member constructor", and('"constructor":{"prototype":{"size":1}}')],
  ["NUL behind a member's name", text.replace("size", "size\\u0000")],
  ["16 kB of a member's name", `{"${"k".repeat(16_000)}":1}`],
  ["1,500 unknown members", JSON.stringify(Object.fromEntries(Array(1500).fill(1).entries()))],
  ["8,000 levels of lists", "[".repeat(8000) + "]".repeat(8000)],
  ["16,384 lists that are not closed", "[".repeat(16_384)],
])("a body of %s is refused with 400", async (_, body) => {
  const answer = await service.request(PRESIGN, { ...presignInit(), body });
  expect([answer.status, (await answer.json()).code]).toEqual([400, "INVALID_REQUEST"]);
});

it("a byte order mark is ignored, and of a member that is given twice the last counts", async () => {
  const { get_url } = await presign(`\ufeff${and('"filename":"b.png"')}`);
  expect(new URL(get_url).searchParams.get("response-content-disposition")).toContain("b.png");
  expect(await presign(and('"size":99999999'))).toMatchObject({ code: "FILE_TOO_LARGE" });
  const answer = await presign(" ".repeat(16 * 1024 - text.length) + text);
  expect(answer.status, "16 KiB").toBe(200);
});

it("a member of a member that is not known is named, without the members of the body", async () => {
  const { errors } = await presign({
    filename: "a.png",
    content_type: "image/png",
    size: 5,
    checksum: { algorithm: "md5", value: "CY9rzUYh03PK3k6DJie09g==", extra: true },
  });
  expect(errors).toEqual([{ pointer: "/checksum/extra", reason: "it is not a known member" }]);
});

it("a refused body names every member at fault", async () => {
  const { code, errors } = await presign({ filename: 1, extra: true, size: 0 });
  expect(code).toBe("INVALID_REQUEST");
  expect(errors.map(({ pointer }: { pointer: string }) => pointer).toSorted()).toEqual([
    "/content_type",
    "/extra",
    "/filename",
    "/size",
  ]);
});

it.each(["text/plain", "application/jsonx", "application/json, text/plain", ""])(
  "a body sent as %j is refused with 415",
  async (type) => {
    const problem = await presign(good, { "Content-Type": type });
    expect(problem).toMatchObject({ status: 415, allowed: ["application/json"] });
  },
);

it.each(["Application/JSON; charset=utf-8", 'application/json;x=1; charset="UTF-8" ;y'])(
  "a body sent as %j is accepted",
  async (type) => {
    const headers = { "Content-Type": type, "Content-Encoding": "identity" };
    expect((await presign(good, headers)).status).toBe(200);
  },
);

it.each([
  { "Content-Encoding": "gzip" },
  { "Content-Encoding": "identity, br" },
  { "Content-Type": "application/json; charset=iso-8859-1" },
  { "Content-Type": "application/json; charset=utf-8; charset=utf-16" },
  { "Content-Type": 'application/json; charset="utf-16le"' },
])("a body that is compressed or not in UTF-8 is refused with 415: %j", async (headers) => {
  const problem = await presign(good, headers);
  expect(problem).toMatchObject({ status: 415, title: "The body is compressed or not in UTF-8" });
});

it("a body of more than 16 KiB is refused with 413", async () => {
  const size = 16 * 1024 + 1;
  const problem = await presign("x".repeat(size), { "Content-Length": String(size) });
  expect(problem).toMatchObject({ status: 413, code: "BODY_TOO_LARGE", limit: 16 * 1024 });
});

it.each([undefined, "", "Bearer", "Bearer wrong", TOKEN, `Basic ${TOKEN}`, `Bearer ${TOKEN}x`])(
  "a caller with the authorization %j is refused with 401",
  async (authorization) => {
    const init = presignInit();
    const headers = new Headers(init.headers);
    headers.delete("Authorization");
    if (authorization !== undefined) headers.set("Authorization", authorization);
    const answer = await service.request(PRESIGN, { ...init, headers });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer /);
    expect((await answer.json()).code).toBe("UNAUTHENTICATED");
  },
);

it.each([
  "globex",
  "ACME",
  "a%2Fb",
  "..%2Facme",
  "acme,globex",
  "%d0%b0cme",
  "a".repeat(64),
  "__proto__",
  "constructor",
  "acme%00",
  "nobody",
  "%61cme",
  "%252e%252e",
  "acme%5c..%5cglobex",
  "acme%0d%0aX:%20y",
  "acme;org=globex",
  "acme%",
  "%ff",
])("every organization that is not the caller's gets the same 404: %s", async (slug) => {
  const answer = await service.request(`/api/v1/orgs/${slug}/files/presign`, presignInit());
  const body = await answer.json();
  expect(answer.status).toBe(404);
  expect(body).toEqual({
    title: "Nothing was found at this address",
    status: 404,
    detail:
      "Check the path, the name of the organization in it, and that you belong to that organization. A receipt or upload works only in its own organization, for the caller it was given to, and until its file is removed.",
    code: "NOT_FOUND",
  });
});
