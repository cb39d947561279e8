import Uppy from "@uppy/core";
import { afterEach, expect, it, vi } from "vitest";
import { UploadError } from "../../adapters/client/client.ts";
import { Valetkey, type ValetkeyOptions } from "../../adapters/client/uppy/plugin.ts";
import { until } from "../support/until.ts";
import { first, isFor, isPut, LARGE, network, PART_SIZE, startUploads, TOKEN } from "./host.ts";

// The plugin with Uppy itself, without a page; in one, tests/pages/ has it.

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const PHOTO = new File(["a picture"], "photo.png", { type: "image/png", lastModified: 1 });

/** Uppy with the plugin, for a service at this address. */
function uppyFor(address: string, restrictions = {}, options: Partial<ValetkeyOptions> = {}) {
  const uppy = new Uppy({ restrictions });
  return uppy.use(Valetkey, {
    endpoint: address,
    organization: "acme",
    token: TOKEN,
    multipart: PART_SIZE,
    ...options,
  });
}

async function start() {
  const { address } = await startUploads();
  const uppy = uppyFor(address);
  const add = (file: File) => uppy.addFile({ name: file.name, type: file.type, data: file });
  return { uppy, add };
}

/** Lets PUTs stand until they are ended; gives those that are under way, and those ended. */
function holdPuts() {
  const seen = network();
  const through = globalThis.fetch;
  const held: Array<{ readonly url: string; readonly signal: AbortSignal }> = [];
  vi.stubGlobal("fetch", (url: string, init: RequestInit = {}) => {
    const { method, signal } = init;
    if (method !== "PUT" || !signal) return through(url, init);
    held.push({ url, signal });
    const { promise, reject } = Promise.withResolvers<Response>();
    signal.addEventListener("abort", () => reject(signal.reason));
    return promise;
  });
  const reached = (count: number) => until(`PUT ${count}`, () => held.length >= count && held);
  return { seen, held, reached };
}

it("a file that was removed and added again can be cancelled too", async () => {
  const { uppy, add } = await start();
  const { held, reached } = holdPuts();
  const id = add(PHOTO);
  const first = uppy.upload();
  await reached(1);
  uppy.removeFile(id);
  expect(add(PHOTO)).toBe(id);
  const second = uppy.upload();
  await reached(2);
  await first;
  uppy.removeFile(id);
  await second;
  expect(held.map(({ signal }) => signal.aborted)).toEqual([true, true]);
});

it("a file that is cancelled is no error of its own", async () => {
  const { uppy, add } = await start();
  const { reached } = holdPuts();
  const errors: Array<unknown> = [];
  uppy.on("upload-error", (_, error) => errors.push(error));
  const id = add(PHOTO);
  const upload = uppy.upload();
  await reached(1);
  uppy.removeFile(id);
  await upload;
  expect(errors).toEqual([]);
});

it("nothing is done any more once the plugin is removed, and what was under way ends", async () => {
  const { uppy, add } = await start();
  const { seen, held, reached } = holdPuts();
  const kept: Array<Record<string, unknown>> = [];
  uppy.on("restore:plugin-data-changed", (data) => kept.push(data));
  const id = add(LARGE);
  const upload = uppy.upload();
  await reached(1);
  const plugin = uppy.getPlugin("Valetkey");
  if (plugin === undefined) return expect.unreachable("there is no plugin");
  uppy.removePlugin(plugin);
  await upload;
  expect(held.every(({ signal }) => signal.aborted)).toBe(true);
  expect(uppy.getState().capabilities.resumableUploads).toBe(false);

  const before = seen.length;
  // As Golden Retriever does; a plugin that listens would remove the parts of the file.
  uppy.emit("restored", kept[0] ?? {});
  uppy.removeFile(id);
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen.slice(before)).toEqual([]);
  return undefined;
});

it("a file whose upload failed has its parts removed when it is taken off", async () => {
  const { uppy, add } = await start();
  const seen = network((request) =>
    isPut(request) ? new Response("", { status: 400 }) : undefined,
  );
  const id = add(LARGE);
  await uppy.upload();
  const removed = () => seen.find(({ method }) => method === "DELETE");
  expect(removed()).toBeUndefined();
  uppy.removeFile(id);
  expect((await until("the removal", () => removed())).action).toBe("multipart");
});

const refusePuts = () =>
  network((request) => (isPut(request) ? new Response("", { status: 400 }) : undefined));
const begun = (seen: ReturnType<typeof network>) =>
  seen.filter(({ action, method }) => action === "multipart" && method === "POST").length;

it("Retry goes on where a file was left, and not once its content is another", async () => {
  const { uppy } = await start();
  // Without the time of its last change nothing remembers it.
  const id = uppy.addFile({ name: "a.png", type: "image/png", data: new Blob([LARGE]) });
  const seen = refusePuts();
  await uppy.upload();
  expect(begun(seen)).toBe(1);
  vi.unstubAllGlobals();
  const again = refusePuts();
  await uppy.retryUpload(id);
  expect([begun(again), again.filter(isPut).length]).toEqual([0, 2]);
  vi.unstubAllGlobals();
  const last = network();
  uppy.setFileState(id, { data: new Blob(["another picture"]) });
  await uppy.retryUpload(id);
  expect([begun(last), uppy.getFile(id).error]).toEqual([0, null]);
  expect(last.filter(isFor("presign"))).toHaveLength(1);
});

it("an error of Uppy speaks to a person, and has what a program needs", async () => {
  const { uppy } = await start();
  const errors: Array<unknown> = [];
  uppy.on("upload-error", (_, error) => errors.push(error));
  const logged = vi.spyOn(uppy, "log");
  const id = uppy.addFile({ name: "a.exe", type: "application/x-a", data: new Blob(["a"]) });
  await uppy.upload();
  expect(uppy.getFile(id).error).toMatch(/^Files of this type are not accepted: choose PNG, /);
  expect(errors).toEqual([expect.any(UploadError)]);
  expect(errors[0]).toMatchObject({ code: "refused", status: 415 });
  expect(logged).toHaveBeenCalledWith(
    expect.stringContaining("This file is application/x-a"),
    "error",
  );
});

it("a type that Uppy does not know is that of the file's name, by the policy", async () => {
  const { uppy } = await start();
  uppy.addFile({ name: "a.png", type: "application/octet-stream", data: new Blob(["a"]) });
  const { successful = [] } = (await uppy.upload()) ?? {};
  expect(successful.map(({ response }) => response?.body)).toEqual([
    expect.objectContaining({ contentType: "image/png" }),
  ]);
});

it.each([undefined, false])(
  "an upload by Uppy has a checksum unless the option is false: %s",
  async (checksum) => {
    const { address } = await startUploads();
    const uppy = uppyFor(address, {}, { checksum });
    const seen = network();
    uppy.addFile({ name: PHOTO.name, type: PHOTO.type, data: PHOTO });
    await uppy.upload();
    const sent = seen.filter(isPut).map(({ headers }) => headers.has("x-amz-checksum-sha256"));
    expect(sent).toEqual([checksum !== false]);
  },
);

it("the policy restricts what can be added, and stricter restrictions of the page stay", async () => {
  const { address } = await startUploads({ policy: { maxSize: "1 MiB" } });
  const largest = (restrictions: object) => {
    const uppy = uppyFor(address, restrictions);
    return until("the restrictions", async () => {
      const { allowedFileTypes, maxFileSize } = uppy.opts.restrictions;
      return allowedFileTypes?.includes(".png") && maxFileSize;
    });
  };
  expect(await largest({})).toBe(2 ** 20);
  expect(await largest({ maxFileSize: 10 })).toBe(10);
  expect(await largest({ maxFileSize: 2 ** 60 })).toBe(2 ** 20);
  const uppy = uppyFor(address, { maxFileSize: 2 ** 60, allowedFileTypes: [".png"] });
  await until("the limit", () => uppy.opts.restrictions.maxFileSize === 2 ** 20);
  expect(uppy.opts.restrictions.allowedFileTypes).toEqual([".png"]);
});

it("Uppy names one extension of each type to a person, in the words of the page", async () => {
  const { uppy } = await start();
  uppy.setOptions({ locale: { strings: { youCanOnlyUploadFileTypes: "Nur %{types}" } } });
  await until("the restrictions", () => uppy.opts.restrictions.allowedFileTypes);
  const add = () => uppy.addFile({ name: "a.exe", type: "application/x-a", data: new Blob(["a"]) });
  expect(add).toThrow("Nur .png, .jpg, .gif, .webp, .avif, .pdf, .txt");
});

function scanning() {
  const body = { code: "UPLOAD_PENDING", title: "A title", detail: "A detail.", state: "scanning" };
  return Response.json(body, { status: 202, headers: { "Retry-After": "1" } });
}

it("Uppy says once for all files what the service does with what has arrived", async () => {
  const { address } = await startUploads({ policy: { arrival: "incoming", verifyContent: false } });
  const uppy = uppyFor(address);
  network(first(2, isFor("confirm"), scanning));
  const shown: Array<string | undefined> = [];
  uppy.on("info-visible", () => shown.push(uppy.getState().info.at(-1)?.message));
  for (const name of ["a.png", "b.png"]) {
    uppy.addFile({ name, type: "image/png", data: new File(["a picture"], name, PHOTO) });
  }
  const { successful } = (await uppy.upload()) ?? {};
  expect(successful).toHaveLength(2);
  expect(shown).toEqual(["A file has arrived, and is being scanned."]);
});
