import { expect, it, vi } from "vitest";
import { createClient } from "../../adapters/client/client.ts";
import {
  failure,
  first,
  inParts,
  isFor,
  isPut,
  LARGE,
  leave,
  network,
  PART_SIZE,
  startUploads,
  TOKEN,
} from "./host.ts";

// What goes on where it was left, and what must not.

const refused = () => new Response("", { status: 400 });

it("the same file under another policy is another upload", async () => {
  const { client } = await leave();
  const seen = network();
  await client.upload(LARGE, { ...inParts, policy: "films" });
  expect(seen.filter(isFor("multipart"))).toHaveLength(1);
  expect(await client.pending()).toMatchObject([{ filename: "film.png", policy: undefined }]);
});

it("the same file in two folders is two uploads, of which each goes on and names its place", async () => {
  const { client, storage } = await leave();
  storage.clear();
  network((seen) => (isPut(seen) && /Number=2/.test(seen.url) ? refused() : undefined));
  const paths = ["f/film.png", "g/film.png"];
  for (const path of paths) await failure(client.upload(LARGE, { ...inParts, path }));
  vi.unstubAllGlobals();
  const pending = await client.pending();
  expect(pending.map(({ path }) => path).toSorted()).toEqual(paths);
  const seen = network();
  const inF = await client.upload(LARGE, { ...inParts, path: "f/film.png" });
  const inG = pending.find(({ path }) => path === "g/film.png");
  // Chosen alone, it is in no folder.
  const results = [inF, await client.upload(LARGE, { ...inParts, resume: inG })];
  expect(results.map(({ path }) => path)).toEqual(paths);
  expect(new Set(results.map(({ key }) => key)).size).toBe(2);
  expect([seen.filter(isPut).length, seen.filter(isFor("multipart")).length]).toEqual([2, 0]);
  expect([...storage]).toEqual([]);
});

it("a file that does not say when it was changed never goes on with another", async () => {
  const storage = new Map<string, string>();
  const { client } = await startUploads({}, { storage });
  const blob = new Blob([LARGE], { type: "image/png" });
  network(first(1, isPut, refused));
  await failure(client.upload(blob, inParts));
  expect([...storage]).toEqual([]);
});

it.each([{ metadata: { order: "2" } }, { contentType: "image/gif" }])(
  "what was begun otherwise than with %j does not become the file",
  async (given) => {
    const { client } = await leave();
    const seen = network();
    expect(await client.upload(LARGE, { ...inParts, ...given })).toMatchObject(given);
    expect(seen.filter(({ method }) => method === "DELETE")).toHaveLength(1);
    expect(await client.pending()).toEqual([]);
  },
);

it("the parts of an upload that has failed are removed by abort", async () => {
  const { client } = await startUploads();
  const blob = new Blob([LARGE], { type: "image/png" });
  const seen = network((seen) => (isPut(seen) ? refused() : undefined));
  const task = client.upload(blob, inParts);
  await failure(task);
  task.abort();
  const removals = () => seen.filter(({ method }) => method === "DELETE");
  await expect.poll(removals).toHaveLength(1);
});

it("a database that never answers leaves an upload without a memory", async () => {
  const { client } = await startUploads();
  const open = vi.fn(() => new EventTarget());
  vi.stubGlobal("indexedDB", { open });
  expect((await client.upload(LARGE, inParts)).size).toBe(LARGE.size);
  expect(open).toHaveBeenCalledTimes(1);
});

it("an upload that has failed goes on, though nothing else remembers it", async () => {
  const { client } = await startUploads();
  const blob = new Blob([LARGE], { type: "image/png" });
  network((seen) => (isPut(seen) && seen.url.includes("partNumber=2") ? refused() : undefined));
  const sent: Array<number> = [];
  const task = client.upload(blob, { ...inParts, onProgress: (event) => sent.push(event.sent) });
  await failure(task);
  const again = task.retry();
  await failure(again);
  // A bar does not begin anew.
  expect(sent).toEqual(sent.toSorted((one, other) => one - other));
  expect(sent.at(-1)).toBe(PART_SIZE);
  vi.unstubAllGlobals();
  const seen = network();
  expect((await again.retry()).size).toBe(LARGE.size);
  expect([seen.filter(isFor("multipart")).length, seen.filter(isPut).length]).toEqual([0, 1]);
});

it("an upload with one PUT that has failed goes on with its grant, of several files too", async () => {
  const { client } = await startUploads({ limits: { objectsPerDay: 2 } });
  const file = new File(["a"], "a.png", { type: "image/png" });
  const away = { retry: { for: "0 seconds" } } as const;
  const seen = network(({ action }) => (action === "confirm" ? "lost" : undefined));
  const task = client.upload(file, away);
  expect((await failure(task)).code).toBe("offline");
  const all = client.uploadAll([file], away);
  await all;
  vi.unstubAllGlobals();
  const after = network();
  expect((await task.retry()).size).toBe(1);
  expect((await all.uploads[0]?.retry())?.size).toBe(1);
  const granted = [isFor("presign"), isFor("batch")].map((is) => [...seen, ...after].filter(is));
  expect(granted.map(({ length }) => length)).toEqual([1, 1]);
});

it("an upload that was paused and then fails for good is not begun once more", async () => {
  const { client } = await startUploads();
  const seen = network((request) => {
    if (!isPut(request)) return undefined;
    if (seen.filter(isPut).length > 1) return refused();
    task.pause();
    setTimeout(task.resume, 0);
    return "lost";
  });
  const task = client.upload(new File(["a"], "a.png", { type: "image/png" }));
  expect((await failure(task)).code).toBe("store-refused");
  expect(seen.filter(isPut)).toHaveLength(2);
});

it("uploads of another organization are not pending", async () => {
  const { client, address, storage } = await leave();
  const other = { endpoint: address, organization: "globex", token: TOKEN, storage };
  expect(await createClient(other).pending()).toEqual([]);
  expect(await client.pending()).toHaveLength(1);
});

it("an upload that goes on does so under the policy that it was begun under", async () => {
  const storage = new Map<string, string>();
  const policies = { films: { maxSize: "100 MiB", allowedTypes: ["video/mp4"] } } as const;
  const { client } = await startUploads({ policies }, { storage });
  const film = new File([LARGE], "film.mp4", { type: "video/mp4", lastModified: 5 });
  network((seen) => (isPut(seen) ? refused() : undefined));
  await failure(client.upload(film, { ...inParts, policy: "films" }));
  vi.unstubAllGlobals();
  const [pending] = await client.pending();
  // Neither the default policy nor the size from which files go in parts is asked again.
  expect((await client.upload(film, { resume: pending })).key).toBe(pending?.key);
});

/** Two tabs of one page: they share what is remembered. */
async function twoTabs() {
  const storage = new Map<string, string>();
  const { client, address } = await startUploads({}, { storage });
  const options = { endpoint: address, organization: "acme", token: TOKEN, storage };
  const waits = Promise.withResolvers<void>();
  const second = (extra: object = {}) =>
    createClient(options).upload(LARGE, {
      ...inParts,
      ...extra,
      onProgress: ({ retrying }) => {
        if (retrying?.reason === "elsewhere") waits.resolve();
      },
    });
  /** An upload in the first tab that stands still once it is under way. */
  const begun = Promise.withResolvers<void>();
  const first = client.upload(LARGE, {
    ...inParts,
    onProgress: ({ parts }) => parts && begun.resolve(),
  });
  await begun.promise;
  first.pause();
  return { storage, client, first, second, waiting: waits.promise };
}

it("of two tabs that upload the same file one waits, and has the result of the other", async () => {
  const { storage, first, second, waiting } = await twoTabs();
  const seen = network();
  const other = second();
  await waiting;
  first.resume();
  expect((await other).key).toBe((await first).key);
  expect(seen.filter(isPut)).toHaveLength(2);
  expect([...storage]).toEqual([]);
});

it("a tab that waits goes on when the other one is aborted, also while that is paused", async () => {
  const { storage, first, second, waiting } = await twoTabs();
  const other = second();
  await waiting;
  first.abort();
  expect((await failure(first)).code).toBe("aborted");
  expect((await other).size).toBe(LARGE.size);
  expect([...storage]).toEqual([]);
});

it("a tab that is aborted while it waits leaves the upload of the other alone", async () => {
  const { first, second, waiting } = await twoTabs();
  const other = second();
  await waiting;
  other.abort();
  expect((await failure(other)).code).toBe("aborted");
  first.resume();
  expect((await first).size).toBe(LARGE.size);
});

it("an upload that remembers nothing waits for no other", async () => {
  const { first, second } = await twoTabs();
  expect((await second({ resume: false })).size).toBe(LARGE.size);
  first.resume();
  await first;
});

it("a part that the store answers with 412 has not arrived, unlike a whole file", async () => {
  const { client } = await startUploads();
  network((seen) => (isPut(seen) ? new Response("", { status: 412 }) : undefined));
  expect(await failure(client.upload(LARGE, inParts))).toMatchObject({
    code: "store-refused",
    status: 412,
  });
});
