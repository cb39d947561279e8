import * as Duration from "effect/Duration";
import * as Redacted from "effect/Redacted";
import { expect, it, onTestFinished, vi } from "vitest";
import { layer as minio } from "../../adapters/storage/minio/layer.ts";
import { tokensOf } from "../../adapters/tokens/tokens.ts";
import { mebibytes } from "../../domain/byte-size.ts";
import { PRESIGN, presignInit, startService, storeAt, storeFor, TOKEN_KEY } from "./service.ts";

const FORM = { filename: "a.png", content_type: "image/png", method: "form" };
const { open } = tokensOf([TOKEN_KEY]);

/** Asks for a form, and returns the answer and its body. */
async function ask(
  body: object,
  over: Parameters<typeof startService>[0] = {},
  headers: Readonly<Record<string, string>> = {},
) {
  const service = await startService(over);
  const answer = await service.request(PRESIGN, presignInit(body, headers));
  const json = await answer.json();
  await service.close();
  return { status: answer.status, json };
}

const policyIn = ({ form }: { readonly form: { readonly fields: Record<string, string> } }) =>
  JSON.parse(Buffer.from(form.fields["policy"] ?? "", "base64").toString());

it("a form is answered with its fields, a GET, and a receipt, and without a PUT", async () => {
  const { status, json } = await ask(FORM);
  expect(status).toBe(200);
  expect(Object.keys(json).sort()).toEqual(
    ["form", "form_expires_at", "get_expires_at", "get_url", "key", "receipt"].sort(),
  );
  expect(json.form).toEqual({
    url: "https://store.example.com/files/",
    fields: {
      key: json.key,
      "Content-Type": "image/png",
      success_action_status: "201",
      "x-amz-algorithm": "AWS4-HMAC-SHA256",
      "x-amz-credential": expect.stringMatching(/^access-key\/\d{8}\/us-east-1\/s3\/aws4_request$/),
      "x-amz-date": expect.stringMatching(/^\d{8}T\d{6}Z$/),
      policy: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/),
      "x-amz-signature": expect.stringMatching(/^[0-9a-f]{64}$/),
    },
  });
});

it("a form lives no longer than the credentials that sign it", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2029, 0, 1) });
  onTestFinished(() => void vi.useRealTimers());
  const { json } = await ask(FORM, { storage: storeFor(2) });
  expect([json.form_expires_at, policyIn(json).expiration]).toEqual(
    Array(2).fill("2029-01-01T00:02:00.000Z"),
  );
});

it("the policy of a form has every field and no other, and ends when the answer says", async () => {
  const { json } = await ask({ ...FORM, size: 5 });
  const { policy, "x-amz-signature": _, ...fields } = json.form.fields;
  expect(policyIn(json)).toEqual({
    expiration: json.form_expires_at,
    conditions: [
      { bucket: "files" },
      ...Object.entries(fields).map(([name, value]) => ({ [name]: value })),
      ["content-length-range", 5, 5],
    ],
  });
  expect(policy).not.toBe("");
});

it("a form of temporary credentials carries their token, which is signed too", async () => {
  const env = {
    STORAGE_ENDPOINT: "https://store.example.com",
    STORAGE_ACCESS_KEY: "access-key",
    STORAGE_SECRET_KEY: "the-secret-key",
    STORAGE_SESSION_TOKEN: "the-token",
  };
  const { json } = await ask(FORM, { storage: storeAt(env) });
  const token = { "x-amz-security-token": "the-token" };
  expect(json.form.fields).toMatchObject(token);
  expect(policyIn(json).conditions).toContainEqual(token);
});

it("a form without a size takes any that the policy allows, and its receipt says so", async () => {
  const { json } = await ask(FORM);
  const { conditions } = policyIn(json);
  expect(conditions).toContainEqual(["content-length-range", 1, 10 * 2 ** 20]);
  const receipt = open("receipt", json.receipt);
  expect(JSON.parse(receipt._tag === "Some" ? receipt.value : "")).toMatchObject({
    s: 10 * 2 ** 20,
    m: true,
    w: false,
  });
  const exact = await ask({ ...FORM, size: 5 });
  expect(open("receipt", exact.json.receipt)).not.toMatchObject({
    value: expect.stringContaining('"m"'),
  });
});

it.each([
  {
    asks: "a checksum",
    body: { checksum: { algorithm: "md5", value: "XUFAKrxLKna5cZ2REBfFkg==" } },
  },
  { asks: "strict", body: { strict: true } },
  { asks: "a policy with strict", policy: { strict: true } },
  { asks: "a policy with write_once", policy: { writeOnce: true } },
  { asks: "a policy with require_checksum", policy: { requireChecksum: true } },
  { asks: "an Idempotency-Key", headers: { "Idempotency-Key": "a" } },
])("a form that asks for $asks is refused, since no form can bind it", async (asked) => {
  const { body = {}, policy = {}, headers = {} } = asked;
  const { status, json } = await ask({ ...FORM, ...body }, { policy }, headers);
  expect([status, json.code]).toEqual([400, "INVALID_REQUEST"]);
  expect(json.title).toBe("A form cannot be bound to what the request or its policy asks for");
  expect(json.errors[0].pointer).toBe("/method");
});

it("a form of a store that takes none is refused", async () => {
  const storage = minio({
    provider: "r2",
    bucket: "files",
    createBucket: false,
    region: "auto",
    endpoint: new URL("http://127.0.0.1:2"),
    accessKey: "access-key",
    secretKey: Redacted.make("the-secret-key"),
    pathStyle: true,
  });
  const { status, json } = await ask(FORM, { storage });
  expect([status, json.title]).toEqual([400, "HTML forms are not supported with this store"]);
});

it("a form takes no file that is larger than one PUT of the store", async () => {
  const policy = { maxSize: mebibytes(6 * 1024) };
  const { json } = await ask(FORM, { policy });
  expect(policyIn(json).conditions).toContainEqual(["content-length-range", 1, 5 * 2 ** 30]);
  const refused = await ask({ ...FORM, size: 5 * 2 ** 30 + 1 }, { policy });
  expect(refused.json).toMatchObject({ code: "FILE_TOO_LARGE", limit: 5 * 2 ** 30 });
});

it.each([
  { body: { size: 0 }, code: "INVALID_SIZE" },
  { body: { size: 10 * 2 ** 20 + 1 }, code: "FILE_TOO_LARGE" },
  { body: { success_action_redirect: "https://evil.example" }, code: "INVALID_REQUEST" },
])("a form with $body is refused with $code", async ({ body, code }) => {
  expect((await ask({ ...FORM, ...body })).json.code).toBe(code);
});

it.each(["post", null, ["form"]])("the method %j is refused by its name", async (method) => {
  const { json } = await ask({ ...FORM, size: 5, method });
  expect(json.errors).toMatchObject([{ pointer: "/method" }]);
});

it("the method put is what a request without a method asks for", async () => {
  const { status, json } = await ask({ ...FORM, size: 5, method: "put" });
  expect([status, typeof json.put_url, json.form]).toEqual([200, "string", undefined]);
});

it("a batch with a form is refused, which names the file", async () => {
  const service = await startService();
  const files = [
    { ...FORM, method: "put", size: 5 },
    { ...FORM, size: 5 },
  ];
  const answer = await service.request(PRESIGN.replace("presign", "batch"), presignInit({ files }));
  expect((await answer.json()).errors).toEqual([
    { pointer: "/files/1/method", reason: expect.stringContaining("put only") },
  ]);
  await service.close();
});

it("a form lives as long as a PUT", async () => {
  const putLifetime = Duration.minutes(3) as never;
  const { json } = await ask(FORM, { policy: { putLifetime } });
  const left = Date.parse(json.form_expires_at) - Date.now();
  expect(left).toBeGreaterThan(60_000);
  expect(left).toBeLessThanOrEqual(180_000);
});
