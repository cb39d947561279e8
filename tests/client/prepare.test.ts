import { expect, it, vi } from "vitest";
import {
  createClient,
  type Prepare,
  UploadError,
  type UploadProgress,
} from "../../adapters/client/client.ts";
import { makeUploadList } from "../../adapters/client/uploads/upload-list.ts";
import { until } from "../support/until.ts";
import { failure, isFor, isPut, network, PART_SIZE, startUploads, TOKEN } from "./host.ts";

// What is made of a file before it is uploaded.

const photo = (name = "photo.heic", type = "image/heic") =>
  new File(["a photo as the camera wrote it"], name, { type, lastModified: 5 });
const toPng: Prepare = ({ name }) =>
  new File(["small"], name.replace("heic", "png"), { type: "image/png" });
const toPngUnlessSlow: Prepare = (file, context) =>
  file.name === "slow.heic" ? new Promise(() => undefined) : toPng(file, context);
const toLarge: Prepare = () => new Blob(["more than ten bytes"], { type: "image/png" });
const bytesOf = (seed: number, more: number) => new Uint8Array(PART_SIZE + more).fill(65 + seed);
const textAt = async (url: string) => (await fetch(url)).text();
const refuse = () => new Response("", { status: 400 });

it("the policy, the checksum and the store get the prepared file, and the result names it", async () => {
  const { client } = await startUploads({ policy: { maxSize: 10, allowedTypes: ["image/png"] } });
  const result = await client.upload(photo(), { prepare: toPng, checksum: true });
  expect(result).toMatchObject({ contentType: "image/png", size: 5, filename: "photo.png" });
  expect(await textAt(result.getUrl)).toBe("small");
  const [outcome] = await client.uploadAll([photo("b.heic")], { prepare: toPng });
  expect(outcome).toMatchObject({ value: { filename: "b.png", size: 5 } });
  const error = await failure(client.upload(photo(), { prepare: toLarge }));
  expect([error.code, error.limit]).toEqual(["refused", 10]);
});

it("what has no name takes that of the file, and a Blob comes as a File", async () => {
  const { client } = await startUploads();
  const prepare = vi.fn<Prepare>(() => new Blob(["small"], { type: "image/png" }));
  const named = await client.upload(photo("a.png"), { prepare });
  const blob = new Blob(["bytes"], { type: "image/gif" });
  const given = await client.upload(blob, { prepare, filename: "b.gif", path: "f/b.gif" });
  expect([named.filename, given.filename, given.path]).toEqual(["a.png", "b.gif", "f/b.gif"]);
  const [file] = prepare.mock.calls[1] ?? [];
  expect([file?.name, file?.type, await file?.text()]).toEqual(["b.gif", "image/gif", "bytes"]);
  expect((await client.upload(photo("c.png"), { prepare: toPng, path: "f/c.heic" })).path).toBe(
    "f/c.png",
  );
});

it("progress shows the preparation, and then counts what is sent", async () => {
  const { client } = await startUploads();
  const seen: Array<UploadProgress> = [];
  const prepare: Prepare = (file, { onProgress }) => {
    for (const percent of [33.4, -5, 400]) onProgress(percent);
    queueMicrotask(() => setTimeout(() => onProgress(1)));
    return toPng(file, { onProgress, signal: AbortSignal.any([]) });
  };
  await client.upload(photo(), { prepare, onProgress: (event) => seen.push(event) });
  const preparing = seen.flatMap((event) => event.preparing ?? []);
  expect(preparing).toEqual([0, 33, 0, 100]);
  expect(seen[0]).toMatchObject({ sent: 0, percent: 0, total: 30 });
  expect(seen.slice(4).every(({ total }) => total === 5)).toBe(true);
  const all: Array<UploadProgress> = [];
  const keep = (event: UploadProgress) => all.push(event);
  await client.uploadAll([photo(), photo("b.heic")], { prepare: toPng, onProgress: keep });
  expect(all[0]).toMatchObject({ total: 60, percent: 0 });
  expect(all.at(-1)).toMatchObject({ sent: 10, total: 10, percent: 100 });
});

it("abort ends a preparation, also one that never ends, and nothing is asked", async () => {
  const { client } = await startUploads();
  const seen = network();
  const begun = Promise.withResolvers<AbortSignal>();
  const prepare: Prepare = (_, { signal }) => {
    begun.resolve(signal);
    return new Promise(() => undefined);
  };
  const task = client.upload(photo(), { prepare });
  const signal = await begun.promise;
  task.abort("enough");
  expect((await failure(task)).code).toBe("aborted");
  expect([signal.aborted, signal.reason.cause]).toEqual([true, "enough"]);
  // The place of the other is free again.
  const others = [1, 2, 3].map(() => client.upload(photo(), { prepare }));
  for (const other of others) other.abort();
  for (const other of others) expect((await failure(other)).code).toBe("aborted");
  expect(seen).toEqual([]);
  expect((await client.upload(photo(), { prepare: toPng })).size).toBe(5);
});

it("what is thrown is the cause of an error for people, or their sentence itself", async () => {
  const { client } = await startUploads();
  const cause = new Error("no such codec");
  const throws: Prepare = () => {
    throw cause;
  };
  const error = await failure(client.upload(photo(), { prepare: throws }));
  expect(error).toMatchObject({ code: "prepare-failed", cause });
  expect(error.message).toBe("photo.heic could not be prepared: Error: no such codec");
  expect(error.userMessage).toBe("This file could not be prepared. Choose another one.");
  const own = new UploadError("refused", "Only wide pictures, please.");
  const rejects: Prepare = () => Promise.reject(own);
  const refusal = await failure(client.upload(photo(), { prepare: rejects }));
  expect([refusal, refusal.userMessage]).toEqual([own, "Only wide pictures, please."]);
  const nothing = (() => undefined) as unknown as Prepare;
  const { code, message } = await failure(client.upload(photo(), { prepare: nothing }));
  expect([code, message]).toEqual([
    "prepare-failed",
    'photo.heic could not be prepared: TypeError: prepare must return a File or a Blob, not "undefined".',
  ]);
  const empty = await failure(client.upload(photo(), { prepare: () => new File([], "e.png") }));
  expect(empty.message).toBe("e.png is empty. Choose a file with content.");
});

it("a retry prepares nothing twice, unless the preparation failed or its bytes are gone", async () => {
  const { client } = await startUploads();
  let left = 1;
  const prepare = vi.fn<Prepare>((file, context) => {
    if (left-- > 0) throw new Error("busy");
    return toPng(file, context);
  });
  network((seen) => (isPut(seen) ? refuse() : undefined));
  const task = client.upload(photo(), { prepare });
  expect((await failure(task)).code).toBe("prepare-failed");
  const again = task.retry();
  expect((await failure(again)).code).toBe("store-refused");
  vi.unstubAllGlobals();
  expect((await again.retry()).size).toBe(5);
  expect(prepare).toHaveBeenCalledTimes(2);
  const lost = Object.assign(photo("a.png", "image/png"), {
    slice: () => ({ arrayBuffer: () => Promise.reject(new Error("removed")) }),
  });
  const files = [lost, photo("b.png", "image/png")];
  const second = client.upload(photo(), { prepare: () => files.shift() as File });
  expect((await failure(second)).code).toBe("file-changed");
  expect((await second.retry()).filename).toBe("b.png");
});

it("what is paused while it is prepared asks for nothing until it goes on", async () => {
  const { client } = await startUploads();
  const seen = network();
  const task = client.upload(photo(), {
    prepare: (file, context) => {
      task.pause();
      return toPng(file, context);
    },
    onProgress: ({ total }) => total === 5 && prepared.resolve(),
  });
  const prepared = Promise.withResolvers<void>();
  await prepared.promise;
  await new Promise(setImmediate);
  expect(seen).toEqual([]);
  task.resume();
  expect((await task).size).toBe(5);
});

it("of many files two are prepared at a time, and the first are sent before the last are prepared", async () => {
  const { client } = await startUploads();
  let running = 0;
  let most = 0;
  const prepared: Array<string> = [];
  const prepare: Prepare = async (file, context) => {
    most = Math.max(most, (running += 1));
    await new Promise(setImmediate);
    running -= 1;
    prepared.push(file.name);
    return toPng(file, context);
  };
  const before: Array<number> = [];
  network((seen) => (isPut(seen) ? void before.push(prepared.length) : undefined));
  const files = Array.from({ length: 160 }, (_, index) => photo(`${index}.heic`));
  const one = client.upload(photo(), { prepare });
  const outcomes = await client.uploadAll(files, { prepare });
  await one;
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(160);
  expect(most).toBe(2);
  // Fifty are granted together; the next are prepared once half of those are on their way.
  expect(before[0]).toBeLessThanOrEqual(51);
  expect(before[20]).toBeLessThanOrEqual(51);
  expect(prepared).toHaveLength(161);
});

it("a file that is never prepared, or cannot be uploaded, does not hold the others", async () => {
  const { client } = await startUploads();
  const files = [photo("slow.heic"), new File([], "empty.heic"), photo("a.heic"), photo("b.heic")];
  const all = client.uploadAll(files, { prepare: toPngUnlessSlow });
  const [held, empty, ...others] = all.uploads;
  expect((await failure(empty as Promise<unknown>)).code).toBe("empty-file");
  const names = await Promise.all(others.map(async (one) => (await one).filename));
  expect(names).toEqual(["a.png", "b.png"]);
  held?.abort();
  expect((await all)[0]).toMatchObject({ reason: { code: "aborted" } });
});

it.each([
  ["the same bytes", 0, 1, [1]],
  ["other bytes of the same size", 1, 1, [2]],
  ["bytes of another size", 1, 2, [2]],
])(
  "after a reload a file that becomes %s is never mixed with its old parts",
  async (_, seed, more, [puts]) => {
    const storage = new Map<string, string>();
    const host = await startUploads({ policy: { maxSize: "100 MiB" } }, { storage });
    const made =
      (seed: number, more: number): Prepare =>
      ({ name }) =>
        new File([bytesOf(seed, more)], `${name}.png`, { type: "image/png" });
    network((seen) => (isPut(seen) && /Number=2/.test(seen.url) ? refuse() : undefined));
    await failure(host.client.upload(photo(), { prepare: made(0, 1) }));
    vi.unstubAllGlobals();
    const seen = network();
    const options = { endpoint: host.address, organization: "acme", token: TOKEN, storage };
    const reloaded = createClient(options);
    const [pending] = await reloaded.pending();
    expect(pending).toMatchObject({ filename: "photo.heic", size: 30 });
    const result = await reloaded.upload(photo(), { prepare: made(seed, more), resume: pending });
    const arrived = await (await fetch(result.getUrl)).bytes();
    expect(Buffer.compare(arrived, bytesOf(seed, more))).toBe(0);
    expect(seen.filter(isPut)).toHaveLength(puts ?? 0);
    expect(seen.filter(isFor("multipart")).map(({ method }) => method)).toEqual(
      more === 1 ? [] : ["DELETE", "POST"],
    );
    expect([...storage]).toEqual([]);
  },
);

it("a list leaves the policy to the prepared file, and says that it is being prepared", async () => {
  const { client } = await startUploads({ policy: { maxSize: 10, allowedTypes: ["image/png"] } });
  const said = new Set<string>();
  const list = makeUploadList(client, {
    prepare: (file, context) => {
      context.onProgress(40);
      return toPng(file, context);
    },
  });
  const row = () => list.read().uploads[0];
  const leave = list.subscribe(() => {
    if (row()) said.add(`${row()?.text} ${row()?.percent} / ${row()?.spoken}`);
  });
  await client.policies();
  list.read().add([photo()]);
  await until("the end", () => /done|failed/.test(row()?.status ?? ""));
  expect([...said].slice(0, 4)).toEqual([
    "Waiting 0 / Waiting",
    "Uploading 0 / Uploading",
    "Preparing 0 / Uploading",
    "Preparing 40 / Uploading",
  ]);
  expect(row()).toMatchObject({ status: "done", result: { filename: "photo.png" }, size: "30 B" });
  expect(list.read()).toMatchObject({ accept: undefined, maxSize: undefined });
  expect(list.read().progress).toEqual({ sent: 5, total: 5, percent: 100 });
  leave();
});
