import { afterEach, expect, it, vi } from "vitest";
import { createClient } from "../../adapters/browser/client.ts";
import { failure, first, isFor, isPut, network, type Seen, startUploads, TOKEN } from "./host.ts";

// What goes on where it was left, and what must not.

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const PART_SIZE = 5 * 2 ** 20;
const inParts = { multipart: PART_SIZE };
/** Two parts. */
const LARGE = new File([new Uint8Array(PART_SIZE + 1)], "film.png", {
  type: "image/png",
  lastModified: 1_700_000_000_000,
});
const isListing = ({ action }: Seen) => action.startsWith("multipart/parts?");
const refused = () => new Response("", { status: 400 });

/** An upload in parts that was begun, and failed for good. */
async function leave() {
  const storage = new Map<string, string>();
  const host = await startUploads({ policies: { films: { maxSize: "100 MiB" } } }, { storage });
  network((seen) => (isPut(seen) ? refused() : undefined));
  expect((await failure(host.client.upload(LARGE, inParts))).code).toBe("store-refused");
  vi.unstubAllGlobals();
  return { ...host, storage };
}

it("an upload that fails keeps what it has sent: the file goes on the next time", async () => {
  const { client } = await leave();
  const seen = network();
  await client.upload(LARGE, inParts);
  expect([seen.filter(isFor("multipart")).length, seen.filter(isListing).length]).toEqual([0, 1]);
});

it("the same file under another policy is another upload", async () => {
  const { client } = await leave();
  const seen = network();
  await client.upload(LARGE, { ...inParts, policy: "films" });
  expect([seen.filter(isFor("multipart")).length, seen.filter(isListing).length]).toEqual([1, 0]);
  expect(await client.pending()).toMatchObject([{ filename: "film.png", policy: undefined }]);
});

it("a file that does not say when it was changed never goes on with another", async () => {
  const storage = new Map<string, string>();
  const { client } = await startUploads({}, { storage });
  const blob = new Blob([LARGE], { type: "image/png" });
  network(first(1, isPut, refused));
  await failure(client.upload(blob, inParts));
  expect([...storage]).toEqual([]);
});

it("uploads of another organization are not pending", async () => {
  const { client, address, storage } = await leave();
  const other = { endpoint: address, organization: "globex", token: TOKEN, storage };
  expect(await createClient(other).pending()).toEqual([]);
  expect(await client.pending()).toHaveLength(1);
});

it("after a mismatch the store is asked what it has, instead of the ETags of before", async () => {
  const storage = new Map<string, string>();
  const { client } = await startUploads({}, { storage });
  const mismatch = { code: "UPLOAD_MISMATCH", title: "Another file" };
  network((seen) =>
    isFor("multipart/complete")(seen) ? Response.json(mismatch, { status: 409 }) : undefined,
  );
  expect((await failure(client.upload(LARGE, inParts))).code).toBe("mismatch");
  vi.unstubAllGlobals();
  const seen = network();
  await client.upload(LARGE, inParts);
  expect([seen.filter(isListing).length, seen.filter(isPut).length]).toEqual([1, 0]);
  expect([...storage]).toEqual([]);
});

it("a part that the store answers with 412 has not arrived, unlike a whole file", async () => {
  const { client } = await startUploads();
  network((seen) => (isPut(seen) ? new Response("", { status: 412 }) : undefined));
  expect(await failure(client.upload(LARGE, inParts))).toMatchObject({
    code: "store-refused",
    status: 412,
  });
});
