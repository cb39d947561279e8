import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import { cpSync, readdirSync, rmSync } from "node:fs";
import { expect, it } from "vitest";
import { Policies } from "../../application/ports/policies.ts";
import { type StoreContext, UploadStore } from "../../application/ports/stores.ts";
import { chooseStore } from "../../application/store/choose-store.ts";
import { inStoreNamed } from "../../application/store/in-store.ts";
import { confirmAnnounced } from "../../application/uploads/confirm-announced.ts";
import { StoreUnavailable } from "../../domain/errors.ts";
import { LinkLifetime } from "../../domain/link.ts";
import { DEFAULT_STORE, type Place, StoreName } from "../../domain/place.ts";
import { defaultPolicy, type UploadPolicy } from "../../domain/upload-policy.ts";
import { embedded, FILE, PRESIGN, startService } from "./service.ts";

const FILES = PRESIGN.replace("/presign", "");
const [EU, US] = [StoreName.make("eu"), StoreName.make("us")];

/** A service with the embedded stores `default`, `eu` and `us`; the organization is in `eu`. */
async function start(policy: Partial<UploadPolicy> = {}) {
  const log: Array<string> = [];
  const opened = new Map([DEFAULT_STORE, EU, US].map((name) => [name, embedded()]));
  const storeOf = (name: StoreName) => opened.get(name) ?? embedded();
  const policies = new Map([["files", { ...defaultPolicy, ...policy }]]);
  const contexts = new Map<StoreName, StoreContext>();
  for (const [name, { layer }] of opened) {
    const ports = await Effect.runPromise(Effect.scoped(Layer.build(layer)));
    const context = ports.pipe(Context.add(Policies, policies), Context.add(UploadStore, name));
    contexts.set(name, context);
  }
  let place: Place = { store: EU };
  const reason = "there is no such store";
  const stores = chooseStore({
    named: (name) =>
      Effect.fromNullishOr(contexts.get(name)).pipe(
        Effect.mapError(() => new StoreUnavailable({ kind: "refused", reason })),
      ),
    placeOf: () => Effect.succeed(place),
  });
  const service = await startService({
    stores,
    policy,
    storage: storeOf(DEFAULT_STORE).layer,
    log: Logger.make(({ message }) => void log.push(JSON.stringify(message))),
  });
  return {
    ...service,
    log,
    storeOf,
    moveTo: (next: Place) => (place = next),
    /** Copies all files of a store into another. */
    copy: (from: StoreName, to: StoreName) =>
      cpSync(`${storeOf(from).directory}/objects`, `${storeOf(to).directory}/objects`, {
        recursive: true,
      }),
    empty: (name: StoreName) => {
      const objects = `${storeOf(name).directory}/objects`;
      for (const each of readdirSync(objects)) rmSync(`${objects}/${each}`, { recursive: true });
    },
    takeOut: (name: StoreName) => contexts.delete(name),
    /** Asks for an upload and sends it to a store. */
    upload: async (name = EU) => {
      const { body } = await service.send(PRESIGN, FILE);
      await storeOf(name).put(body.put_url, body.put_headers);
      return body;
    },
    confirm: (receipt: string) => service.send(`${FILES}/confirm`, { receipt }),
  };
}

it("an upload is confirmed in the store in which it began, wherever its organization is", async () => {
  for (const policy of [{}, { arrival: "incoming", verifyContent: false }] as const) {
    const { upload, confirm, moveTo } = await start(policy);
    const { receipt, key } = await upload();
    for (const place of [{ store: US }, { store: US, from: EU }, { store: EU }]) {
      moveTo(place);
      const { status, body } = await confirm(receipt);
      expect([status, body.key]).toEqual([200, key]);
    }
  }
});

it("an upload whose file was moved is confirmed where its organization is", async () => {
  for (const policy of [
    { onMismatch: "delete" },
    { arrival: "incoming", verifyContent: false },
  ] as const) {
    const { upload, confirm, moveTo, copy, empty, takeOut } = await start(policy);
    const { receipt, key } = await upload();
    if ("arrival" in policy) await confirm(receipt);
    copy(EU, US);
    moveTo({ store: US });
    for (const change of [empty, takeOut]) {
      change(EU);
      const { status, body } = await confirm(receipt);
      expect([status, body.key]).toEqual([200, key]);
    }
  }
});

it("an upload to a store that was taken out is 503, and the log says why", async () => {
  const { upload, confirm, moveTo, takeOut, log, send } = await start();
  const { receipt } = await upload();
  takeOut(EU);
  expect((await send(PRESIGN, FILE)).body.code).toBe("STORE_UNAVAILABLE");
  moveTo({ store: US });
  const { status, body } = await confirm(receipt);
  expect([status, body.code]).toEqual([503, "STORE_UNAVAILABLE"]);
  expect(log.filter((line) => line.includes("there is no such store"))).toHaveLength(2);
});

it("an upload that has not arrived anywhere has not arrived", async () => {
  const { send, confirm, moveTo } = await start();
  const { receipt } = (await send(PRESIGN, FILE)).body;
  moveTo({ store: US });
  expect((await confirm(receipt)).body.code).toBe("UPLOAD_INCOMPLETE");
});

it("parts go to the store in which their upload began, until its end", async () => {
  const { send, storeOf, moveTo, copy, takeOut } = await start();
  const multipart = `${FILES}/multipart`;
  const begin = async () => {
    moveTo({ store: EU });
    const { upload } = (await send(multipart, FILE)).body;
    moveTo({ store: US });
    return upload;
  };
  const upload = await begin();
  const signed = await send(`${multipart}/parts`, { upload, part_numbers: [1] });
  const [{ url, headers }] = signed.body.parts;
  const etag = await storeOf(EU).put(url, headers);
  const listed = await send(`${multipart}/parts?upload=${upload}`);
  expect(listed.body.parts).toEqual([{ part_number: 1, size: 5, etag }]);
  const complete = () =>
    send(`${multipart}/complete`, { upload, parts: [{ part_number: 1, etag }] });
  const { status, body } = await complete();
  expect([status, body.size]).toEqual([200, 5]);
  const aborted = await send(multipart, { upload: await begin() }, { method: "DELETE" });
  expect(aborted.status).toBe(204);
  // Its answer was lost, and the file was moved.
  takeOut(EU);
  expect((await complete()).body.code).toBe("STORE_UNAVAILABLE");
  const late = await send(`${multipart}/parts`, { upload, part_numbers: [1] });
  expect(late.body.code).toBe("STORE_UNAVAILABLE");
  copy(EU, US);
  expect((await complete()).body).toMatchObject({ key: body.key, size: 5 });
});

it("only tokens of other stores than the default one name their store", async () => {
  const { send, moveTo } = await start();
  for (const [store, sealed] of [
    [EU, "eu"],
    [DEFAULT_STORE, undefined],
  ] as const) {
    moveTo({ store });
    const { receipt } = (await send(PRESIGN, FILE)).body;
    const { upload } = (await send(`${FILES}/multipart`, FILE)).body;
    const contents = [receipt, upload].map((token) =>
      JSON.parse(Buffer.from(token.split(".")[2], "base64url").toString()),
    );
    expect(contents.map(({ h }) => h)).toEqual([sealed, sealed]);
  }
});

it("a link opens its version in the store that has it, and the file wherever it is", async () => {
  const { upload, confirm, send, request, moveTo, copy } = await start({
    linkLifetime: LinkLifetime.make(Duration.hours(1)),
  });
  const { receipt } = await upload();
  await confirm(receipt);
  const makeLink = async () => {
    const { body } = await send(`${FILES}/links`, { receipt, version: "v1" });
    return new URL(body.link_url).pathname;
  };
  const versionAt = async (link: string, place: Place) => {
    moveTo(place);
    const { headers, status } = await request(link);
    expect(status).toBe(302);
    return new URL(headers.get("location") ?? "").searchParams.get("versionId");
  };
  const link = await makeLink();
  expect(await versionAt(link, { store: EU })).toBe("v1");
  copy(EU, US);
  expect(await versionAt(link, { store: US, from: EU })).toBeNull();
  expect(await versionAt(link, { store: US })).toBeNull();
  expect(await versionAt(await makeLink(), { store: US })).toBeNull();
});

it("an announced upload is confirmed in its own store, and ignored as a copy in another", async () => {
  const policy = { arrival: "incoming", verifyContent: false, announce: true } as const;
  const { upload, copy, services } = await start(policy);
  const { key } = await upload();
  copy(EU, US);
  copy(EU, DEFAULT_STORE);
  const announced = (name: StoreName) =>
    Effect.runPromiseWith(services)(inStoreNamed(name, confirmAnnounced(`incoming/${key}`)));
  const outcomes = [await announced(US), await announced(DEFAULT_STORE), await announced(EU)];
  expect(outcomes).toEqual(["ignored", "ignored", "confirmed"]);
});
