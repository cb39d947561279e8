import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Scope from "effect/Scope";
import * as Exit from "effect/Exit";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { listenNode } from "../../adapters/http/server/listen-node.ts";
import type { Listening } from "../../adapters/http/server/listen.ts";
import { newKey, PNG } from "../../adapters/contract/uploads.ts";
import { send } from "../../adapters/contract/send.ts";
import { embeddedStorage } from "../../adapters/storage/local/storage.ts";
import { Presigner, type SignedForm } from "../../application/ports/presigner.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import { freePort } from "../support/free-port.ts";
import { startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";

// Forms that no browser sends, to the embedded store. What a form may send at all is in the
// contract suite.

const FILE = "the bytes of the file";
const BOUNDARY = "----boundary";
const TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

let directory: string;
let listening: Listening;
let presigner: Presigner["Service"];
const scope = Scope.makeUnsafe();
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "valetkey-forms-"));
  const port = await freePort();
  const publicUrl = new URL(`http://127.0.0.1:${port}`);
  const { layer, fetch } = embeddedStorage({ bucket: "files", directory }, publicUrl);
  presigner = await Effect.runPromise(
    Effect.provide(Presigner, await Effect.runPromise(Layer.buildWithScope(layer, scope))),
  );
  listening = await listenNode({
    host: "127.0.0.1",
    port,
    fetch: async (request) => fetch(request),
  });
});
afterAll(async () => {
  await listening.stop();
  await Effect.runPromise(Scope.close(scope, Exit.void));
  rmSync(directory, { recursive: true });
});

let form: SignedForm;
beforeEach(async () => {
  const lifetime = Lifetime.make(Duration.minutes(1));
  const signing = presigner.form?.({
    key: newKey(),
    mediaType: PNG,
    minSize: ByteSize.make(1),
    maxSize: ByteSize.make(1000),
    lifetime,
    minLifetime: lifetime,
    audience: "public",
  });
  form = await Effect.runPromise(signing ?? Effect.die("no forms"));
});

const part = (headers: string, body: string) =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; ${headers}\r\n\r\n${body}\r\n`;
const fieldsOf = ({ fields }: SignedForm) =>
  Object.entries(fields).map(([name, value]) => part(`name="${name}"`, value));
const filePart = (file: string) => part('name="file"; filename="a.png"', file);
const whole = (given: SignedForm, file = FILE) =>
  `${fieldsOf(given).join("")}${filePart(file)}--${BOUNDARY}--\r\n`;

const post = (body: string, type = TYPE, url = form.url) =>
  send("POST", url, { headers: { "Content-Type": type }, body });
const filesIn = (name: string) =>
  readdirSync(join(directory, name), { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map(({ name }) => name);
const stored = () => filesIn("objects").length;

it("the form of these tests is stored, so that the others are refused for what they change", async () => {
  const before = stored();
  expect((await post(whole(form))).status).toBe(201);
  expect(stored()).toBe(before + 1);
});

it("a form that breaks off anywhere is not stored, and leaves nothing behind", async () => {
  const body = whole(form);
  const before = stored();
  const starts = fieldsOf(form).join("").length;
  const ends = body.length - "\r\n".length;
  const cuts = [
    0,
    1,
    50,
    starts - 1,
    ...Array.from({ length: ends - starts }, (_, i) => starts + i),
  ];
  for (const cut of cuts) {
    const { status } = await post(body.slice(0, cut));
    expect([cut, status]).toEqual([cut, 400]);
  }
  expect([stored(), filesIn("temporary")]).toEqual([before, []]);
});

it("a form that breaks off after its whole file is not stored, and leaves nothing behind", async () => {
  const before = stored();
  const body = whole(form).replace(`--${BOUNDARY}--\r\n`, part('name="after"', "b"));
  const outgoing = request(form.url, {
    method: "POST",
    headers: { "Content-Type": TYPE, "Content-Length": body.length - "b\r\n".length },
  });
  outgoing.write(body.slice(0, -"\n\r\nb\r\n".length));
  await until("the file", async () => {
    const [name] = filesIn("temporary");
    const size = name && statSync(join(directory, "temporary", name)).size;
    return size === FILE.length;
  });
  outgoing.end("\n\r\n");
  const [{ statusCode }] = await once(outgoing, "response");
  expect(statusCode).toBe(400);
  expect([stored(), filesIn("temporary")]).toEqual([before, []]);
});

it("a form whose connection breaks in the file is not stored, and leaves nothing behind", async () => {
  const before = stored();
  const body = whole(form);
  const outgoing = request(form.url, {
    method: "POST",
    headers: { "Content-Type": TYPE, "Content-Length": body.length },
  });
  outgoing.on("error", () => undefined);
  outgoing.write(body.slice(0, -40));
  await until("the upload's start", () => filesIn("temporary").length > 0);
  outgoing.destroy();
  await until("the upload's end", () => filesIn("temporary").length === 0);
  expect(stored()).toBe(before);
});

describe("a form is refused", () => {
  const end = `--${BOUNDARY}--\r\n`;
  it.each<readonly [what: string, body: () => string, type: string | undefined]>([
    ["without any part", () => end, undefined],
    ["that is empty", () => "", undefined],
    ["that is not multipart", () => "key=a&file=b", "application/x-www-form-urlencoded"],
    ["of another multipart", () => whole(form), `multipart/mixed; boundary=${BOUNDARY}`],
    ["without a boundary", () => whole(form), "multipart/form-data"],
    ["with an empty boundary", () => whole(form), "multipart/form-data; boundary="],
    ["with another boundary", () => whole(form), "multipart/form-data; boundary=other"],
    ["whose file comes first", () => filePart(FILE) + fieldsOf(form).join("") + end, undefined],
    ["with a hundred fields", () => part('name="a"', "a").repeat(100) + whole(form), undefined],
    ["with a hundred nameless parts", () => part("a=b", "a").repeat(100) + whole(form), undefined],
    ["with a field of 30 KB", () => part('name="a"', "a".repeat(30_000)) + whole(form), undefined],
    [
      "with a field name of 30 KB",
      () => part(`name="${"a".repeat(30_000)}"`, "a") + whole(form),
      undefined,
    ],
    ["with a preamble of 200 KB", () => "a".repeat(200_000) + "\r\n" + whole(form), undefined],
    ["with a field called __proto__", () => part('name="__proto__"', "a") + whole(form), undefined],
    ["with a field without a name", () => part("a=b", "a") + whole(form), undefined],
    [
      "with a field's name in capitals besides",
      () => part('name="KEY"', "a") + whole(form),
      undefined,
    ],
    [
      "with a line break in a field",
      () => whole(form).replace("image/png", "image/png\r\n"),
      undefined,
    ],
  ])("a form %s is refused", async (_, body, type) => {
    const before = stored();
    const { status } = await post(body(), type);
    expect(status).toBeOneOf([400, 403, 412]);
    expect([stored(), filesIn("temporary")]).toEqual([before, []]);
  });
});

it("a form is for the bucket alone, and the bucket takes nothing else", async () => {
  const { origin } = new URL(form.url);
  for (const path of ["/store/", "/store/other/", "/store/files/a", "/store/files//"]) {
    expect((await post(whole(form), TYPE, `${origin}${path}`)).status).toBe(405);
  }
  const chunked = await send("POST", form.url, {
    headers: { "Content-Type": TYPE },
    body: whole(form),
    chunked: true,
  });
  expect(chunked.status).toBe(411);
});

it("the signature of a PUT or a GET is not that of a form", async () => {
  const lifetime = Lifetime.make(Duration.minutes(1));
  const key = newKey();
  const { url } = await Effect.runPromise(
    presigner.get({
      key,
      lifetime,
      minLifetime: lifetime,
      audience: "public",
      responseMediaType: PNG,
      responseDisposition: "inline",
    }),
  );
  const signature = new URL(url).searchParams.get("X-Amz-Signature") ?? "";
  const fields = { ...form.fields, "x-amz-signature": signature };
  expect((await post(whole({ ...form, fields }))).status).toBe(403);
  const asPut = new URL(form.url + key);
  for (const [name, value] of Object.entries(form.fields)) {
    if (name.startsWith("x-amz-")) asPut.searchParams.set(name.replace("x-amz", "X-Amz"), value);
  }
  expect((await send("PUT", asPut.href, { body: FILE })).ok).toBe(false);
});

it("a refused form of half a megabyte is answered, and its connection is used again", async () => {
  const service = await startProcess();
  const asked = { filename: "a.png", content_type: "image/png", size: FILE.length, method: "form" };
  const granted = await fetch(`${service.address}/api/v1/orgs/acme/files/presign`, {
    method: "POST",
    headers: { Authorization: `Bearer ${service.token}`, "Content-Type": "application/json" },
    body: JSON.stringify(asked),
  });
  const { form } = await granted.json();
  const { host, hostname, port } = new URL(form.url);
  const socket = connect(Number(port), hostname);
  let answers = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (answers += chunk));
  for (const [file, answer] of [
    ["a".repeat(500_000), "EntityTooLarge"],
    [`${FILE}a`, "EntityTooLarge"],
    [FILE, "HTTP/1.1 201"],
  ] as const) {
    answers = "";
    const body = whole(form, file);
    socket.write(
      `POST /store/files/ HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${TYPE}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await until(answer, () => answers.includes(answer));
  }
  socket.destroy();
  await service.stop();
});
