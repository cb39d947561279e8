import { expect, it, vi } from "vitest";
import { UploadError, type UploadProgress } from "../../adapters/client/client.ts";
import {
  first,
  inParts,
  isFor,
  isPut,
  LARGE,
  network,
  PART_SIZE,
  pass,
  startUploads,
  stopClocks,
} from "./host.ts";

const image = (name: string, content = name) => new File([content], name, { type: "image/png" });

it("ten files are granted by one request, sent, and confirmed in batches", async () => {
  const { client } = await startUploads();
  const seen = network();
  const files = Array.from({ length: 10 }, (_, index) => image(`${index}.png`));
  const progress: Array<UploadProgress> = [];
  const all = client.uploadAll(files, { onProgress: (event) => progress.push(event) });
  expect(all.uploads).toHaveLength(10);
  const outcomes = await all;
  const contents = outcomes.map(async (outcome) =>
    outcome.status === "fulfilled" ? (await fetch(outcome.value.getUrl)).text() : outcome.reason,
  );
  expect(await Promise.all(contents)).toEqual(files.map(({ name }) => name));
  const count = (action: string) => seen.filter((request) => request.action === action).length;
  expect([count("batch"), count("presign"), count("confirm")]).toEqual([1, 0, 0]);
  expect(progress.at(-1)).toMatchObject({ percent: 100, total: 50, sent: 50 });
});

const CONFIRMS = "confirm/batch";
const isConfirm = ({ action }: { readonly action: string }) => action === CONFIRMS;
const names = (count: number) => Array.from({ length: count }, (_, index) => `${index}.png`);

/** Holds answers to confirmations until it is told to let them through, and counts receipts. */
function holdConfirms() {
  const through = globalThis.fetch;
  const { promise: held, resolve: letThrough } = Promise.withResolvers<void>();
  const batches: Array<number> = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit = {}) => {
    if (!url.endsWith(CONFIRMS)) return through(url, init);
    batches.push(JSON.parse(`${init.body}`).receipts.length);
    const answer = await through(url, init);
    await held;
    return answer;
  });
  return { batches, letThrough };
}

it("files that arrive while others are confirmed are confirmed with one request", async () => {
  const { client } = await startUploads();
  const seen = network();
  const { batches, letThrough } = holdConfirms();
  const all = client.uploadAll(names(10).map((name) => image(name)));
  await vi.waitFor(() => expect(seen.filter(isPut)).toHaveLength(10));
  await vi.waitFor(() => expect(batches).toHaveLength(2));
  letThrough();
  for (const { status } of await all) expect(status).toBe("fulfilled");
  expect(batches.slice(0, 2)).toEqual([1, 1]);
  // Of ten files with six at a time, four had arrived before the last was sent.
  expect(batches[2]).toBeGreaterThan(1);
  expect(batches.reduce((sum, receipts) => sum + receipts)).toBe(10);
});

it("of files that are confirmed together, one that did not arrive is sent again", async () => {
  const { client } = await startUploads();
  const seen = network(first(1, isPut, () => new Response(null)));
  const outcomes = await client.uploadAll(names(3).map((name) => image(name)));
  for (const [index, outcome] of outcomes.entries()) {
    expect(outcome).toMatchObject({ value: { filename: `${index}.png` } });
  }
  expect(seen.filter(isPut)).toHaveLength(4);
});

it("files whose confirmation fails are confirmed again, and not sent again", async () => {
  const { client } = await startUploads();
  const seen = network(first(2, isConfirm, () => new Response("", { status: 503 })));
  for (const { status } of await client.uploadAll([image("a.png"), image("b.png")])) {
    expect(status).toBe("fulfilled");
  }
  expect(seen.filter(isPut)).toHaveLength(2);
});

it("a file that is aborted while others wait with it is not confirmed", async () => {
  const { client } = await startUploads();
  const { batches, letThrough } = holdConfirms();
  const seen = network();
  const all = client.uploadAll(names(4).map((name) => image(name)));
  await vi.waitFor(() => expect(seen.filter(isPut)).toHaveLength(4));
  await vi.waitFor(() => expect(batches).toHaveLength(2));
  all.uploads[3]?.abort();
  letThrough();
  const outcomes = await all;
  expect(outcomes.map(({ status }) => status)).toEqual([
    ...Array.from({ length: 3 }, () => "fulfilled"),
    "rejected",
  ]);
});

it.each([
  ["fewer files than were asked for", []],
  ["a file with neither its facts nor its problem", [{}]],
])("an answer with %s is named, and not asked for again", async (_, uploads) => {
  const { client } = await startUploads();
  const seen = network((request) => (isConfirm(request) ? Response.json({ uploads }) : undefined));
  const [outcome] = await client.uploadAll([image("a.png")]);
  expect(outcome).toMatchObject({
    reason: { code: "invalid-answer", message: expect.stringContaining("confirm/batch") },
  });
  expect(seen.filter(isConfirm)).toHaveLength(1);
});

const metadata = (file: Blob) => ({ a: '"'.repeat(1000), name: (file as File).name });

it("metadata of each file goes with it, in as many requests as it needs", async () => {
  const { client } = await startUploads();
  const seen = network();
  const files = Array.from({ length: 60 }, (_, index) => image(`${index}.png`));
  const outcomes = await client.uploadAll(files, { metadata });
  for (const [index, file] of files.entries()) {
    expect(outcomes[index]).toMatchObject({ value: { metadata: metadata(file) } });
  }
  expect(seen.filter(({ action }) => action === "batch")).toHaveLength(3);
  const shared = await client.uploadAll(files.slice(0, 3), { metadata: { album: "1" } });
  for (const outcome of shared)
    expect(outcome).toMatchObject({ value: { metadata: { album: "1" } } });
});

it("no more bodies are on their way at a time than the client allows", async () => {
  const { client } = await startUploads({}, { concurrency: 2 });
  let running = 0;
  let most = 0;
  network((request) => {
    if (!isPut(request)) return undefined;
    most = Math.max(most, (running += 1));
    return (answer) => {
      running -= 1;
      return answer;
    };
  });
  await client.uploadAll(Array.from({ length: 6 }, (_, index) => image(`${index}.png`)));
  expect(most).toBe(2);
});

it("a file that is refused leaves the others alone, and has its own error", async () => {
  const { client } = await startUploads();
  const files = [
    image("a.png"),
    new File(["<p>"], "b.html", { type: "text/html" }),
    image("c.png"),
    image("empty.png", ""),
    image("d.png"),
    new File(["<p>"], "e.html", { type: "text/html" }),
  ];
  const outcomes = await client.uploadAll(files);
  expect(
    outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? "uploaded" : (outcome.reason as UploadError).code,
    ),
  ).toEqual(["uploaded", "refused", "uploaded", "empty-file", "uploaded", "refused"]);
  const [, refused] = outcomes;
  expect(refused).toMatchObject({
    reason: {
      message: expect.stringMatching(
        /^Files of this type are not accepted\. This file is text\/html\./,
      ),
    },
  });
});

it("one file of several is aborted without the others, and all of them together", async () => {
  const { client } = await startUploads();
  const all = client.uploadAll([image("a.png"), image("b.png"), image("c.png")]);
  all.uploads[1]?.abort();
  const outcomes = await all;
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  const others = client.uploadAll([image("a.png"), image("b.png")]);
  others.abort();
  const ended = await others;
  expect(
    ended.map((outcome) => outcome.status === "rejected" && (outcome.reason as UploadError).code),
  ).toEqual(["aborted", "aborted"]);
});

it("no files are no upload, and nothing is asked", async () => {
  const { client } = await startUploads();
  const seen = network();
  expect(await client.uploadAll([])).toEqual([]);
  expect(seen).toEqual([]);
});

it("a file that is aborted while it waits for its grant is not granted with the others", async () => {
  const { client } = await startUploads({ limits: { objectsPerDay: 1 } });
  network(
    first(1, isFor("batch"), () => {
      all.uploads[1]?.abort();
      return (answer) => answer;
    }),
  );
  // The first is refused, so the others are asked for again; both would be more than a day has.
  const page = new File(["<p>"], "a.html", { type: "text/html" });
  const all = client.uploadAll([page, image("b.png"), image("c.png")]);
  const outcomes = await all;
  expect(codes(outcomes)).toEqual(["refused", "aborted", "uploaded"]);
});

const codes = (outcomes: ReadonlyArray<PromiseSettledResult<unknown>>) =>
  outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason.code : "uploaded"));

it.for([
  [60, 50],
  [12, 5],
  [12, 1],
] as const)(
  "%i files arrive where %i uploads may be open at once",
  async ([count, openUploads]) => {
    const { client } = await startUploads({ limits: { openUploads } });
    const seen = network();
    const files = Array.from({ length: count }, (_, index) => image(`${index}.png`));
    expect(new Set(codes(await client.uploadAll(files)))).toEqual(new Set(["uploaded"]));
    expect(seen.filter(isFor("batch"))).toHaveLength(Math.ceil(count / 50));
  },
);

it("files in parts and others leave each other room where one upload may be open", async () => {
  const { client } = await startUploads(
    { limits: { openUploads: 1 }, policies: { films: { maxSize: "100 MiB" } } },
    { concurrency: 1, storage: new Map() },
  );
  const film = new File([LARGE], "another.png", { type: "image/png" });
  const files = [image("a.png"), LARGE, image("b.png"), film, image("c.png")];
  expect(new Set(codes(await client.uploadAll(files, inParts)))).toEqual(new Set(["uploaded"]));
});

it("a file waits for a place for as long as the files before it move on", async () => {
  const { client } = await startUploads(
    { limits: { openUploads: 1 }, policies: { films: { maxSize: "100 MiB" } } },
    { concurrency: 1, storage: new Map(), retry: { for: "2 minutes" } },
  );
  const through = globalThis.fetch;
  let puts = 0;
  let goOn: (() => void) | undefined;
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    // Each part takes 100 seconds, and the other file is refused after them.
    if (init.method === "PUT" && (puts += 1) <= 3)
      await new Promise<void>((resolve) => (goOn = resolve));
    const answer = await through(url, init);
    if (answer.status === 429 && goOn) {
      pass(100);
      goOn();
      goOn = undefined;
    }
    return answer;
  });
  stopClocks();
  const bytes = new Uint8Array(2 * PART_SIZE + 1);
  const films = ["a.png", "b.png"].map((name) => new File([bytes], name, { type: "image/png" }));
  const options = { ...inParts, policy: "films" };
  const all = client.uploadAll(films, options);
  Promise.all(all.uploads).catch(() => {
    puts = 3;
    goOn?.();
  });
  expect(codes(await all)).toEqual(["uploaded", "uploaded"]);
});

it("a file that waits for a place fails with the refusal of the service, and says how long", async () => {
  const { client } = await startUploads({ limits: { openUploads: 1 } });
  network((seen) => (isPut(seen) ? new Response("", { status: 400 }) : undefined));
  const shouldRetry = vi.fn(() => false);
  const failed = await client.uploadAll([image("a.png"), image("b.png")], {
    retry: { shouldRetry },
  });
  expect(failed).toContainEqual({
    status: "rejected",
    reason: expect.objectContaining({
      code: "service-failed",
      status: 429,
      retryAfter: expect.any(Number),
      problem: expect.objectContaining({ code: "TOO_MANY_OPEN_UPLOADS" }),
    }),
  });
  expect(shouldRetry).toHaveBeenCalledOnce();
});

it("files that fit in what is left of a quota arrive, though all together do not", async () => {
  const ofDay = await startUploads({ limits: { objectsPerDay: 3 } });
  const files = Array.from({ length: 5 }, (_, index) => image(`${index}.png`));
  const outcomes = codes(await ofDay.client.uploadAll(files));
  expect(outcomes.toSorted()).toEqual(["quota", "quota", ...files.slice(2).map(() => "uploaded")]);
  const { client } = await startUploads({
    limits: { storedBytes: "1 kB", storedBytesUnknown: "refuse" },
  });
  const sized = [900, 2000, 50].map((size) => image(`${size}.png`, "x".repeat(size)));
  expect(codes(await client.uploadAll(sized))).toEqual(["uploaded", "quota", "uploaded"]);
});
