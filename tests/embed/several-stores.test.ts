import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { createValetkey, type ValetkeyOptions } from "../../adapters/embed/index.ts";
import { local } from "../../adapters/embed/local.ts";
import { minio } from "../../adapters/embed/minio.ts";
import { makeFolder } from "../support/make-folder.ts";
import { FILE, startHost } from "./host.ts";

const elsewhere = minio({
  endpoint: "https://eu.example.com",
  accessKey: "the-key",
  secretKey: "the-secret",
});

/** Uploads the five bytes of a file. */
const send = ({ putUrl, putHeaders }: { putUrl: string; putHeaders: Record<string, string> }) =>
  fetch(putUrl, { method: "PUT", headers: putHeaders, body: "hello" });

it("storeOf says which store has the files of an organization, for calls and requests", async () => {
  const directory = makeFolder();
  let place: Awaited<ReturnType<NonNullable<ValetkeyOptions["storeOf"]>>>;
  const { valetkey, address, log } = await startHost({
    stores: { eu: elsewhere, own: local({ directory }) },
    storeOf: async (id) => (id === "org_1" ? place : undefined),
  });
  const asked = async () => {
    const { putUrl } = await valetkey.requestUpload(FILE);
    const answer = await fetch(`${address}/api/v1/orgs/acme/files/presign`, {
      method: "POST",
      headers: { Cookie: "session=mia", "Content-Type": "application/json" },
      body: JSON.stringify({ filename: "a.png", content_type: "image/png", size: 5 }),
    });
    return [putUrl, (await answer.json()).put_url].map((url) => url.split("/files/orgs")[0]);
  };
  for (const [next, root] of [
    [undefined, `${address}/store`],
    ["eu", "https://eu.example.com"],
    ["own", `${address}/stores/own`],
    [{ store: "own", from: "eu" }, `${address}/stores/own`],
  ] as const) {
    place = next;
    expect(await asked()).toEqual([root, root]);
  }
  place = "own";
  const upload = await valetkey.requestUpload(FILE);
  expect((await send(upload)).status).toBe(200);
  place = "eu";
  const { key } = await valetkey.confirmUpload({
    caller: FILE.caller,
    organization: FILE.organization,
    receipt: upload.receipt,
  });
  expect(key).toBe(upload.key);
  expect(existsSync(`${directory}/objects`)).toBe(true);
  place = "none";
  await expect(valetkey.requestUpload(FILE)).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
    status: 503,
  });
  expect(log.filter(({ level }) => level === "error")).toEqual([]);
});

it.each([
  [{ stores: { EU: elsewhere } }, "stores.EU must be named by 1 to 63 lower-case letters"],
  [{ stores: JSON.parse('{"__proto__": 1}') }, "stores.__proto__ must be named by 1 to 63"],
  [{ stores: { default: elsewhere } }, "stores.default is set by storage"],
  [{ stores: { eu: { bucket: "files" } } }, "stores.eu must be what local()"],
  [{ storeOf: () => "eu" }, "stores must be set where storeOf is"],
  [{ stores: { eu: elsewhere }, storeOf: "eu" }, "storeOf must be a function"],
])("%o is refused", (over, message) => {
  const make = () =>
    createValetkey({
      storage: local(),
      publicUrl: "https://app.example.com",
      organizations: (slug: string) => slug,
      ...over,
    } as ValetkeyOptions);
  expect(make).toThrow(message);
});
