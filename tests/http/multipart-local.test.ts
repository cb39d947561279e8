import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { AuditEvent } from "../../application/ports/audit.ts";
import { ObjectStore, type Parts } from "../../application/ports/object-store.ts";
import { StoreUnavailable } from "../../domain/errors.ts";
import { embedded, PRESIGN, startService, withStore, FILE } from "./service.ts";

const MULTIPART = PRESIGN.replace("presign", "multipart");

/** A service over the embedded store, some of whose ways with an upload in parts may be replaced. */
async function start({
  replace = () => ({}),
  head = (answer) => answer,
  ...over
}: NonNullable<Parameters<typeof startService>[0]> & {
  readonly replace?: (parts: Parts) => Partial<Parts>;
  readonly head?: (
    answer: ReturnType<ObjectStore["Service"]["head"]>,
  ) => ReturnType<ObjectStore["Service"]["head"]>;
} = {}) {
  const { directory, layer, put } = embedded();
  const storage = withStore(layer, ({ parts, ...others }) => ({
    ...others,
    head: (key) => head(others.head(key)),
    ...(parts && { parts: { ...parts, ...replace(parts) } }),
  }));
  const audit: Array<AuditEvent> = [];
  const service = await startService({ storage, audit, ...over });
  const send = (method: string, path: string, body: object) => service.send(path, body, { method });
  return {
    audit,
    send,
    begin: () => send("POST", MULTIPART, FILE),
    /** Sends the only part of an upload, and completes it with its ETag as `write` writes it. */
    finish: async (upload: string, write = (etag: string) => etag) => {
      const asked = { upload, part_numbers: [1] };
      const { body } = await send("POST", `${MULTIPART}/parts`, asked);
      const [{ url, headers }] = body.parts;
      const etag = write(await put(url, headers));
      return send("POST", `${MULTIPART}/complete`, { upload, parts: [{ part_number: 1, etag }] });
    },
    /** How many uploads are open in the store. */
    inStore: () => readdirSync(join(directory, "uploads")).length,
  };
}

it("a start that the store refuses takes no quota", async () => {
  let isDown = true;
  const { begin } = await start({
    limits: { requests: {}, daily: { bytes: 5, objects: 1, bytesPerSubject: 5 } },
    replace: ({ create }) => ({
      create: (object) =>
        isDown
          ? Effect.fail(new StoreUnavailable({ kind: "unreachable", reason: "it is down" }))
          : create(object),
    }),
  });
  for (let times = 0; times < 3; times++) {
    expect((await begin()).body.code).toBe("STORE_UNAVAILABLE");
  }
  isDown = false;
  expect((await begin()).status).toBe(200);
  expect((await begin()).body.code).toBe("QUOTA_EXCEEDED");
});

it("an upload is aborted once, and again without an effect", async () => {
  const { begin, send, inStore } = await start();
  const { upload } = (await begin()).body;
  for (let times = 0; times < 2; times++) {
    const aborted = await send("DELETE", MULTIPART, { upload });
    expect(aborted.status).toBe(204);
    expect(aborted.headers.get("x-request-id"), "as every answer").toMatch(/./);
    expect(inStore()).toBe(0);
  }
});

/** The parts as the store lists them, each a byte longer than granted. */
const longer =
  (list: Parts["list"]): Parts["list"] =>
  (upload) =>
    Effect.map(
      list(upload),
      Option.map((parts) => parts.map((part) => ({ ...part, size: part.size + 1 }))),
    );

it.each<[string, string, number, (parts: Parts) => Partial<Parts>]>([
  ["is complete", "", 0, () => ({})],
  ["has ended", "INVALID_UPLOAD", 1, () => ({ complete: () => Effect.succeed("ended") })],
  ["has no parts any more", "INVALID_UPLOAD", 1, () => ({ list: () => Effect.succeedNone })],
  ["is there", "UPLOAD_INCOMPLETE", 0, () => ({ complete: () => Effect.succeed("exists") })],
  ["has other bytes", "UPLOAD_MISMATCH", 0, () => ({ complete: () => Effect.succeed("mismatch") })],
  ["has a longer part", "UPLOAD_MISMATCH", 0, ({ list }) => ({ list: longer(list) })],
  ["has changed", "UPLOAD_INCOMPLETE", 1, () => ({ complete: () => Effect.succeed("changed") })],
])(
  "an upload of which the store says at its completion that it %s (%j) leaves so many in the store: %i",
  async (_, code, left, replace) => {
    const { begin, finish, inStore } = await start({ replace });
    expect((await finish((await begin()).body.upload)).body.code ?? "").toBe(code);
    expect(inStore()).toBe(left);
  },
);

it("an upload is completed with the ETag of its part with quotes and without", async () => {
  const { begin, finish } = await start();
  for (const write of [(etag: string) => etag, (etag: string) => etag.replaceAll('"', "")]) {
    expect((await finish((await begin()).body.upload, write)).status).toBe(200);
  }
});

it("an upload that the store fails to complete stays open, and can be completed later", async () => {
  let calls = 0;
  const { begin, finish } = await start({
    replace: ({ complete }) => ({
      complete: (upload) =>
        calls++ === 0
          ? Effect.fail(new StoreUnavailable({ kind: "unreachable", reason: "down" }))
          : complete(upload),
    }),
  });
  const { upload } = (await begin()).body;
  expect((await finish(upload)).body.code).toBe("STORE_UNAVAILABLE");
  expect((await finish(upload)).status).toBe(200);
});

it("an upload whose part was replaced is told that it can be completed with the new ETag", async () => {
  const { begin, finish, inStore } = await start();
  const { upload } = (await begin()).body;
  const refused = await finish(upload, (etag) => etag.replace(/[0-9a-f]/g, "0"));
  expect(refused.body).toMatchObject({
    code: "UPLOAD_MISMATCH",
    detail:
      "These differ: parts/1/etag. A part was sent again: complete the upload with the ETags of GET …/multipart/parts, or send these parts again.",
  });
  expect(inStore()).toBe(1);
  expect((await finish(upload)).status).toBe(200);
});

it("a completed upload whose object is not there for a moment is looked for again", async () => {
  let looks = 0;
  const { begin, finish } = await start({
    head: (answer) => (++looks === 1 ? Effect.succeedNone : answer),
  });
  expect(await finish((await begin()).body.upload)).toMatchObject({ status: 200 });
  expect(looks).toBe(2);
});
