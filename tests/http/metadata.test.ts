import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AuditEvent } from "../../application/ports/audit.ts";
import { embedded, PRESIGN, presignInit, startService, FILE } from "./service.ts";

const FILES = PRESIGN.replace("/presign", "");
const METADATA = { patient: "Erika Mustermann", "album-1": 'Ostern "27" – §' };

/** A service over the embedded store. */
async function start(over: NonNullable<Parameters<typeof startService>[0]> = {}) {
  const { directory, layer, fetch } = embedded();
  const audit: Array<AuditEvent> = [];
  const { request, ...service } = await startService({
    audit,
    storage: layer,
    policies: { apart: { arrival: "incoming", verifyContent: false } },
    ...over,
  });
  const send = (path: string, body?: object) => service.send(`${FILES}/${path}`, body);
  const put = async (url: string, headers: Record<string, string>) => {
    const sent = { ...headers, "Content-Length": "5" };
    const answer = await fetch(new Request(url, { method: "PUT", headers: sent, body: "hello" }));
    expect(answer.ok, await answer.text()).toBe(true);
    return answer.headers.get("etag") ?? "";
  };
  const inStore = () =>
    readdirSync(directory, { recursive: true, encoding: "utf8" })
      .map((name) => join(directory, name))
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path, "latin1"))
      .join();
  return { send, put, audit, request, inStore };
}
type Started = Awaited<ReturnType<typeof start>>;

/** Uploads in every way, and what confirming or completing answers. */
const WAYS: Readonly<
  Record<string, (started: Started, more: object) => Promise<ReadonlyArray<object>>>
> = {
  "a PUT": async ({ send, put }, more) => {
    const asked = await send("presign", { ...FILE, ...more });
    await put(asked.body.put_url, asked.body.put_headers);
    const confirmed = await send("confirm", { receipt: asked.body.receipt });
    return [asked.body, confirmed.body];
  },
  "a batch with metadata for all": async ({ send, put }, more) => {
    const { body } = await send("batch", { files: [FILE], ...more });
    const [upload] = body.uploads;
    await put(upload.put_url, upload.put_headers);
    const confirmed = await send("confirm", { receipt: upload.receipt });
    return [body, confirmed.body];
  },
  parts: async ({ send, put }, more) => {
    const { body: started } = await send("multipart", { ...FILE, ...more });
    const { upload } = started;
    const { body: signed } = await send("multipart/parts", { upload, part_numbers: [1] });
    const [{ url, headers }] = signed.parts;
    const etag = await put(url, headers);
    const listed = await send(`multipart/parts?upload=${upload}`);
    expect(listed.status).toBe(200);
    const parts = [{ part_number: 1, etag }];
    const completed = await send("multipart/complete", { upload, parts });
    const again = await send("confirm", { receipt: completed.body.receipt });
    expect(again.body.metadata).toEqual(completed.body.metadata);
    return [started, signed, listed.body, completed.body];
  },
};

/** The text, and what of it is base64url. */
const readable = (text: string) =>
  text +
  [...text.matchAll(/[\w-]{16,}/g)].map(([part]) => Buffer.from(part, "base64url")).join("\n");

const ACTIONS: Readonly<Record<string, ReadonlyArray<string>>> = {
  parts: ["start-multipart", "complete-multipart"],
};

describe.each(Object.entries(WAYS))("metadata of %s", (way, upload) => {
  const actions = ACTIONS[way] ?? ["presign", "confirm"];

  it.each(["files", "apart"])(
    "is given back and audited, and nobody can read it before, under the policy %s",
    async (policy) => {
      const started = await start();
      const answers = await upload(started, { metadata: METADATA, policy });
      const confirmed = answers.at(-1) as { readonly metadata: unknown };
      expect(confirmed.metadata).toEqual(METADATA);
      const audited = started.audit.filter(({ metadata }) => metadata !== undefined);
      expect(audited.map(({ metadata }) => metadata)).toEqual(audited.map(() => METADATA));
      expect(audited.map(({ action }) => action)).toEqual(expect.arrayContaining([...actions]));
      // Of a token nothing can be read, so that it may be in an address.
      const { metadata: _given, ...others } = confirmed as { readonly metadata: unknown };
      for (const answer of [...answers.slice(0, -1), others]) {
        expect(readable(JSON.stringify(answer))).not.toMatch(/patient|Erika|album|Ostern/);
      }
      expect(started.inStore()).not.toMatch(/patient|Erika|album|Ostern/);
    },
  );

  it("is as absent as before if it is left out", async () => {
    const answers = await upload(await start(), {});
    expect(answers.at(-1)).not.toHaveProperty("metadata");
    expect(answers.at(-1)).not.toHaveProperty("server_data");
    expect(JSON.stringify(answers)).not.toContain('"v2.');
  });
});

it("two sealings of the same metadata are different texts", async () => {
  const { send } = await start();
  const ask = async () => (await send("presign", { ...FILE, metadata: METADATA })).body.receipt;
  const [first, second] = [await ask(), await ask()];
  const [sealed, other] = [first, second].map((receipt) => receipt.split(".")[2].slice(0, 40));
  expect(sealed).not.toBe(other);
});

const pairs = (count: number, value = "v") =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, value]));
const NAME = "it has a name that is not of the form ^[a-z0-9][a-z0-9_-]{0,63}$";
const VALUE = "it is not text on one line, without characters that control or reorder text";
const BYTES = "names and values have more than 1024 bytes together";

const REFUSED: ReadonlyArray<readonly [string, unknown, pointer: string, reason: string]> = [
  ["text", '"album"', "", "it is not an object"],
  ["a list", '["a"]', "", "it is not an object"],
  ["a line break", { a: "x", b: "y\nz" }, "/b", VALUE],
  ["NUL", { a: "\0" }, "/a", VALUE],
  ["a control character of ISO 8859", { a: "\u0085" }, "/a", VALUE],
  ["an override of the writing direction", { a: "gnp.\u202eexe" }, "/a", VALUE],
  ["a lone surrogate", '{"a":"\\ud83d"}', "/a", VALUE],
  ["a number", { a: 5 }, "/a", VALUE],
  ["an object in it", { a: { toString: "x" } }, "/a", VALUE],
  ["the name __proto__", '{"__proto__":"x"}', "", NAME],
  ["an empty name", { "": "x" }, "", NAME],
  ["a name in capitals", { orderId: "x" }, "", NAME],
  ["a name of 65 characters", { ["a".repeat(65)]: "x" }, "", NAME],
  ["17 pairs", pairs(17), "", "it has more than 16 pairs"],
  ["1,025 bytes", { a: "v".repeat(1024) }, "", BYTES],
  ["1,025 bytes of 512 letters", { a: "é".repeat(512) }, "", BYTES],
];

it.each(REFUSED)(
  "metadata with %s is refused before anything is signed",
  async (_, given, pointer, reason) => {
    const { send, request } = await start();
    const metadata = typeof given === "string" ? given : JSON.stringify(given);
    const file = `${JSON.stringify(FILE).slice(0, -1)},"metadata":${metadata}}`;
    for (const [path, body, place] of [
      ["presign", file, ""],
      ["multipart", file, ""],
      ["batch", `{"files":[${JSON.stringify(FILE)},${file}]}`, "/files/1"],
      ["batch", `{"files":[${JSON.stringify(FILE)}],"metadata":${metadata}}`, ""],
    ] as const) {
      const answer = await request(`${FILES}/${path}`, presignInit(body));
      expect([path, answer.status, await answer.json()]).toMatchObject([
        path,
        400,
        { code: "INVALID_REQUEST", errors: [{ pointer: `${place}/metadata${pointer}`, reason }] },
      ]);
    }
    expect((await send("presign", FILE)).status).toBe(200);
    expect(({} as Record<string, unknown>)["a"]).toBeUndefined();
  },
);

it.each([
  ["16 pairs of 1,024 bytes", { ...pairs(15, "é".repeat(29)), k15: "v".repeat(87) }],
  ["names that all objects have", { constructor: "a", valueof: "b" }],
  ["an empty value", { a: "" }],
  ["nothing", {}],
  ["a name of digits", { "1": "a", "0": "b" }],
])("metadata with %s is given back as it was", async (_, metadata) => {
  const answers = await WAYS["a PUT"]?.(await start(), { metadata });
  expect(answers?.at(-1)).toMatchObject({ metadata });
});

it("a pair that is given twice counts as JSON says: the last one", async () => {
  const started = await start();
  const text = JSON.stringify(FILE).replace("}", ',"metadata":{"a":"1","a":"2"}}');
  const answer = await started.request(PRESIGN, presignInit(text));
  const { put_url, put_headers, receipt } = await answer.json();
  await started.put(put_url, put_headers);
  expect((await started.send("confirm", { receipt })).body.metadata).toEqual({ a: "2" });
});

it("the largest upload token is short enough for an address, and for a body with 100 checksums", async () => {
  const { send } = await start();
  // Quotes are written with a backslash in JSON.
  const largest = { a: '"'.repeat(1023) };
  const filename = `${'"'.repeat(251)}.png`;
  const { body } = await send("multipart", { ...FILE, filename, metadata: largest });
  // What proxies take of a line by default: 8 KiB.
  const path = `multipart/parts?upload=${body.upload}`;
  expect(path.length).toBeLessThan(6900);
  expect((await send(path)).status).toBe(200);
  const asked = {
    upload: body.upload,
    part_numbers: Array.from({ length: 100 }, (_, index) => 9_900 + index),
    checksums: Array.from({ length: 100 }, () => ({
      algorithm: "sha256",
      value: `${"A".repeat(43)}=`,
    })),
  };
  // Beyond its only part, and not beyond the limit of a body.
  expect((await send("multipart/parts", asked)).body.code).toBe("INVALID_REQUEST");
});
