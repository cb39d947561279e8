import { createHash, randomBytes } from "node:crypto";
import { expect, it, vi } from "vitest";
import {
  type ClientOptions,
  createClient,
  type UploadProgress,
  type UploadTask,
} from "../../adapters/client/client.ts";
import type { SentPart } from "../../adapters/client/decode.ts";
import { makeMemory } from "../../adapters/client/resume.ts";
import {
  failure,
  first,
  isFor,
  isPut,
  network,
  onPut,
  PART_SIZE,
  policyWith,
  s3Error,
  type Seen,
  startUploads,
  stopClocks,
  takeAndLose,
  TOKEN,
  type Trouble,
} from "./host.ts";

const NAMED = { type: "image/png", lastModified: 1_700_000_000_000 };
/** Two parts, the last one shorter. */
const BYTES = randomBytes(PART_SIZE + 3);
const FILE = new File([BYTES], "film.png", NAMED);
const SHA_256 = createHash("sha256").update(BYTES).digest("hex");
/** Three parts. */
const LONG = randomBytes(2 * PART_SIZE + 3);
const LONG_FILE = new File([LONG], "long.png", NAMED);

const start = (options: Partial<ClientOptions> = {}) =>
  startUploads({ policy: { maxSize: "100 MiB" } }, options);

/** The number of the part that a request to the store is for. */
const partOf = ({ url }: Seen) => Number(new URL(url).searchParams.get("partNumber"));

const sha256At = async (url: string) =>
  createHash("sha256")
    .update(await (await fetch(url)).bytes())
    .digest("hex");

const is2 = (request: Seen) => isPut(request) && partOf(request) === 2;

/** Resolves once so many parts are in the store. */
const partsDone = (count: number) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onProgress = ({ parts }: UploadProgress) => {
    if (parts !== undefined && parts.done >= count) resolve();
  };
  return { onProgress, reached: promise };
};

it("a large file is sent in parts with a checksum each, and arrives as it was", async () => {
  const { client } = await start();
  const seen = network();
  const progress: Array<UploadProgress> = [];
  const result = await client.upload(FILE, { onProgress: (event) => progress.push(event) });
  expect(await sha256At(result.getUrl)).toBe(SHA_256);
  expect(result.receipt).toMatch(/^v1\./);
  const puts = seen.filter(isPut);
  expect(puts.map(partOf).toSorted()).toEqual([1, 2]);
  for (const { headers } of puts) {
    expect(headers.has("x-amz-checksum-sha256")).toBe(true);
    expect(headers.has("authorization")).toBe(false);
  }
  const calls = seen.filter(({ isForStore }) => !isForStore).map(({ action }) => action);
  expect(calls).toEqual(["policies", "multipart", "multipart/parts", "multipart/complete"]);
  const sent = progress.map((event) => event.sent);
  expect(sent).toEqual(sent.toSorted((one, other) => one - other));
  expect(progress.at(-1)).toMatchObject({ percent: 100, parts: { done: 2, total: 2 } });
});

it.each([
  [undefined, 2],
  [1, 1],
])(
  "with the concurrency %s at most %i of three parts are on their way",
  async (concurrency, most) => {
    const { client } = await start({ concurrency });
    const seen = network();
    const through = globalThis.fetch;
    const running: Array<number> = [0];
    vi.stubGlobal("fetch", async (url: string, init: RequestInit = {}) => {
      const answer = through(url, init);
      if (init.method !== "PUT") return answer;
      running.push((running.at(-1) ?? 0) + 1);
      return answer.finally(() => running.push((running.at(-1) ?? 0) - 1));
    });
    // Each is sent in no time.
    stopClocks();
    await client.upload(LONG_FILE);
    expect(seen.filter(isPut)).toHaveLength(3);
    expect(Math.max(...running)).toBe(most);
  },
);

const page = (headers = {}) => new Response("<h1>Welcome", { headers });

it.each<[string, Trouble, puts: ReadonlyArray<number>]>([
  ["fails is sent until it arrives", first(3, is2, () => "lost"), [1, 2, 2, 2, 2]],
  ["arrived is not sent if its answer is lost", first(1, isPut, () => "answer lost"), [1, 2]],
  ["a page has answered for is sent", first(2, is2, page), [1, 2, 2, 2]],
  [
    "a page with an ETag has answered for is sent",
    first(2, is2, () => page({ ETag: '"5f3-abc"' })),
    [1, 2, 2, 2],
  ],
])("a part that %s again, and the others are sent once", async (_, trouble, puts) => {
  const { client } = await start();
  const seen = network(trouble);
  const { getUrl } = await client.upload(FILE);
  expect(await sha256At(getUrl)).toBe(SHA_256);
  expect(seen.filter(isPut).map(partOf).toSorted()).toEqual(puts);
});

it.each([
  ["a file of one PUT", PART_SIZE - 1, 2 ** 18, 1],
  ["a file in parts", PART_SIZE + 3, 2 ** 18, 1],
  ["a file in parts, each of which breaks", PART_SIZE + 3, 2 ** 18, 2],
  ["a file of more small parts than are signed at once", LONG.length, 2 ** 18, 1],
])("%s goes in small parts over a line that breaks early", async (_, size, least, most) => {
  const { client } = await start({ concurrency: 1 });
  const seen = network();
  /** Takes no body of more than 1 MiB. */
  const broken = onPut(({ body, headers }) => {
    if (Number(new Headers(headers).get("content-length")) <= 2 ** 20) return undefined;
    return breakOff(body, most);
  });
  const retries: Array<string> = [];
  const file = new File([LONG.subarray(0, size)], "film.png", NAMED);
  const { getUrl } = await client.upload(file, {
    onProgress: ({ retrying }) => void (retrying && retries.push(retrying.reason)),
  });
  expect(await sha256At(getUrl)).toBe(
    createHash("sha256").update(LONG.subarray(0, size)).digest("hex"),
  );
  const puts = seen.filter(isPut).map(partOf);
  expect(puts.toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: Math.ceil(size / least) }, (_, index) => index + 1),
  );
  expect(broken.count - puts.length).toBe(1);
  expect(new Set(retries)).toEqual(new Set(["network"]));
  // What was begun is removed before.
  const actions = seen
    .filter(({ isForStore }) => !isForStore)
    .map(({ action, method }) => `${method} ${action}`);
  const others = size > PART_SIZE ? 1 : 0;
  expect(actions.filter((each) => each === "DELETE multipart")).toHaveLength(others);
  expect(actions.filter((each) => each === "POST multipart/parts")).toHaveLength(
    others + Math.ceil(puts.length / 30),
  );
});

/** Reads a body up to so many MiB, and breaks off. */
async function breakOff(body: unknown, mebibytes: number): Promise<never> {
  let taken = 0;
  for await (const chunk of body as ReadableStream<Uint8Array>) {
    taken += chunk.length;
    if (taken >= mebibytes * 2 ** 20) break;
  }
  throw new TypeError("fetch failed");
}

it("the parts that were begun are removed before smaller ones are asked for", async () => {
  const { client } = await start({ concurrency: 1 });
  network();
  onPut(({ body }, count) => (count === 1 ? breakOff(body, 1) : undefined));
  const through = globalThis.fetch;
  const done: Array<string> = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit = {}) => {
    const isBegun = url.endsWith("/multipart");
    if (isBegun) done.push(`${init.method}`);
    const answer = await through(url, init);
    if (isBegun) done.push(`${answer.status}`);
    return answer;
  });
  await client.upload(FILE);
  expect(done).toEqual(["POST", "200", "DELETE", "204", "POST", "200"]);
});

it("a file stays in one PUT where the smallest part is more than half of it", async () => {
  const { client } = await start();
  const multipart = { max_size: 2 ** 30, checksums: ["sha256"], min_part_size: 3 * 2 ** 20 };
  const seen = network((request) =>
    isFor("policies")(request) ? policyWith({ multipart }) : undefined,
  );
  onPut(({ body }, count) => (count === 1 ? breakOff(body, 1) : undefined));
  await client.upload(new File([BYTES.subarray(0, PART_SIZE - 1)], "film.png", NAMED));
  expect(seen.filter(isPut).map(partOf)).toEqual([0]);
});

it("what broke before a part arrived does not count against the next", async () => {
  const { client } = await start({ concurrency: 1 });
  const seen = network();
  // The second part breaks once, and the third one twice, of which each is sent less than arrived.
  onPut(({ body }, count) => ([2, 4, 5].includes(count) ? breakOff(body, 4) : undefined));
  await client.upload(new File([LONG, BYTES], "long.png", NAMED));
  expect(seen.filter(isPut).map(partOf)).toEqual([1, 2, 3, 4]);
});

it("a part that arrives while another is looked for is not sent again in smaller ones", async () => {
  const { client } = await start({ concurrency: 2 });
  const isListed = Promise.withResolvers<void>();
  const seen = network();
  const puts = onPut((init, count) => {
    if (count === 2) return takeAndLose(init);
    // So each loss has a list of its own; with this one more was lost than has arrived.
    if (count === 3) return isListed.promise.then(() => takeAndLose(init));
    return undefined;
  });
  const through = globalThis.fetch;
  vi.stubGlobal("fetch", async (url: string, init: RequestInit = {}) => {
    const answer = await through(url, init);
    if (!url.includes("/multipart/parts?")) return answer;
    const text = await answer.text();
    isListed.resolve();
    return new Response(text, answer);
  });
  const [part, others] = [BYTES.subarray(0, PART_SIZE), LONG.subarray(0, 2 * PART_SIZE)];
  const { getUrl } = await client.upload(new File([part, others], "three.png", NAMED));
  const sha256 = createHash("sha256").update(part).update(others).digest("hex");
  expect(await sha256At(getUrl)).toBe(sha256);
  expect(puts.count).toBe(5);
  expect(seen.some(({ method }) => method === "DELETE")).toBe(false);
});

it("a line may break 40 times for each part, and not in all", async () => {
  const { client } = await start({ concurrency: 1 });
  const seen = network(({ action }) => (action === "policies" ? inLargeParts : undefined));
  const puts = onPut(({ body }, count) =>
    count <= 43 && count !== 22 ? breakOff(body, 2) : undefined,
  );
  await client.upload(LONG_FILE);
  expect([seen.filter(isPut).map(partOf), puts.count]).toEqual([[1, 2, 3], 45]);
});

const isList = ({ method, action }: Seen) =>
  method === "GET" && action.startsWith("multipart/parts");

it("stored parts are kept where one breaks, which is sent again once the service answers", async () => {
  const { client } = await start({ concurrency: 1 });
  const seen = network(first(2, isList, () => "lost"));
  onPut(({ body }, count) => (count === 2 ? breakOff(body, 2) : undefined));
  const { getUrl } = await client.upload(LONG_FILE);
  expect(createHash("sha256").update(LONG).digest("hex")).toBe(await sha256At(getUrl));
  const order = seen.filter((each) => isList(each) || isPut(each));
  expect(order.map((each) => (isList(each) ? "list" : partOf(each)))).toEqual([
    1,
    "list",
    "list",
    "list",
    2,
    3,
  ]);
});

it("a large part that a gateway refused is sent again once the service answers", async () => {
  const { client } = await start({ concurrency: 1 });
  const seen = network(first(1, isPut, () => new Response("Bad Gateway", { status: 502 })));
  await client.upload(FILE);
  const order = seen.filter((each) => isList(each) || isPut(each));
  expect(order.map((each) => (isList(each) ? "list" : partOf(each)))).toEqual([1, "list", 1, 2]);
});

it("where the first part is lost, no other that is as large is sent", async () => {
  const { client } = await start();
  let isAway = true;
  const seen = network((request) => {
    if (!isList(request) || !isAway) return undefined;
    return (answer) => {
      isAway = false;
      return answer;
    };
  });
  onPut((init, count) => {
    if (count === 1) return takeAndLose(init);
    return isAway ? Promise.reject(new TypeError("fetch failed")) : undefined;
  });
  const { getUrl } = await client.upload(
    new File([LONG.subarray(0, 2 * PART_SIZE)], "two.png", NAMED),
  );
  expect((await (await fetch(getUrl)).bytes()).length).toBe(2 * PART_SIZE);
  const sizes = seen.filter(isPut).map(({ headers }) => Number(headers.get("content-length")));
  expect(Math.max(...sizes)).toBeLessThan(2 ** 20);
});

/** The policies of a store that takes no parts below 5 MiB. */
const inLargeParts = (answer: Response) => {
  const replaced = new TransformStream<string, string>({
    transform: (text, controller) => controller.enqueue(text.replaceAll("min_part_size", "other")),
  });
  const text = answer.body?.pipeThrough(new TextDecoderStream()).pipeThrough(replaced);
  return new Response(text?.pipeThrough(new TextEncoderStream()), answer);
};

it("a part that an earlier attempt left is not taken for one whose answer is lost", async () => {
  const { reloaded } = await leave();
  // All of it is taken, and none of it arrives, at a store that takes no smaller parts.
  const seen = network(({ action }) => (action === "policies" ? inLargeParts : undefined));
  onPut((init, count) => (count === 1 ? takeAndLose(init) : undefined));
  const { getUrl } = await reloaded.upload(CHANGED_FILE);
  expect(await sha256At(getUrl)).toBe(CHANGED);
  expect(seen.filter(isPut).map(partOf).toSorted()).toEqual([1, 2]);
});

it("the URL of a part that is no longer accepted is replaced by a fresh one, once", async () => {
  const { client } = await start();
  const seen = network(first(1, is2, () => s3Error(403, "AccessDenied")));
  await client.upload(FILE);
  expect(seen.filter(isFor("multipart/parts"))).toHaveLength(2);
  vi.unstubAllGlobals();
  const all = network((request) => (is2(request) ? s3Error(403, "AccessDenied") : undefined));
  expect((await failure(client.upload(FILE, { resume: false }))).code).toBe("store-refused");
  expect(all.filter(is2)).toHaveLength(2);
});

it("a paused upload lets the parts on their way arrive, and starts no others until it is resumed", async () => {
  const { client } = await start();
  const arrived: Array<number> = [];
  const seen = network((request) => {
    if (!isPut(request)) return undefined;
    return (answer) => {
      arrived.push(partOf(request));
      return answer;
    };
  });
  const file = new File([LONG, BYTES], "long.png", NAMED);
  const { onProgress, reached } = partsDone(1);
  const task: UploadTask = client.upload(file, { onProgress });
  await reached;
  task.pause();
  const started = seen.filter(isPut).length;
  expect(started).toBeGreaterThan(arrived.length);
  await expect.poll(() => arrived).toHaveLength(started);
  await client.policies();
  await client.upload(new File(["a"], "other.png", { type: "image/png" }));
  expect(seen.filter(isPut)).toHaveLength(started + 1);
  task.resume();
  await task;
  expect(
    seen
      .filter(isPut)
      .map(partOf)
      .toSorted((one, other) => one - other),
  ).toEqual([0, 1, 2, 3, 4]);
});

it("a file that is paused while its parts are signed keeps no other from being sent", async () => {
  const { client } = await start();
  const signing = Promise.withResolvers<void>();
  network((request) => {
    if (isFor("multipart/parts")(request)) signing.resolve();
    return undefined;
  });
  const small = new File(["a"], "small.png", { type: "image/png" });
  const all = client.uploadAll([FILE, small]);
  const [held, other] = all.uploads;
  await signing.promise;
  held?.pause();
  expect((await other)?.size).toBe(1);
  held?.resume();
  expect((await held)?.size).toBe(FILE.size);
});

it("an aborted upload leaves no parts behind, and is not pending", async () => {
  const storage = new Map<string, string>();
  const { client, address } = await start({ storage });
  const { onProgress, reached } = partsDone(1);
  const task = client.upload(LONG_FILE, { onProgress });
  await reached;
  const { upload } = JSON.parse([...storage.values()][0] ?? "").begun;
  expect(upload).toMatch(/^v1\./);
  task.abort();
  expect((await failure(task)).code).toBe("aborted");
  const listed = await fetch(`${address}/api/v1/orgs/acme/files/multipart/parts?upload=${upload}`, {
    headers: { Authorization: `Bearer ${TOKEN}` },
  });
  expect([listed.status, (await listed.json()).code]).toEqual([400, "INVALID_UPLOAD"]);
  expect(await client.pending()).toEqual([]);
});

/** An upload that a page has left with all but its last part in the store. */
async function leave({ file = FILE, policy }: { file?: File; policy?: object } = {}) {
  const storage = new Map<string, string>();
  const { client, address } = await start({ storage });
  const last = Math.ceil(file.size / PART_SIZE);
  network((seen) => {
    if (policy && isFor("policies")(seen)) return policyWith(policy);
    return partOf(seen) === last ? new Response("", { status: 400 }) : undefined;
  });
  expect((await failure(client.upload(file))).code).toBe("store-refused");
  vi.unstubAllGlobals();
  const memory = new Map(storage);
  const reloaded = createClient({
    endpoint: address,
    organization: "acme",
    token: TOKEN,
    storage: memory,
  });
  return { reloaded, memory };
}

it("after a reload only the rest is sent, once the same file is chosen again", async () => {
  const { reloaded } = await leave();
  const [pending] = await reloaded.pending();
  expect(pending).toMatchObject({
    filename: "film.png",
    size: FILE.size,
    lastModified: FILE.lastModified,
  });
  const again = new File([BYTES], FILE.name, NAMED);
  const seen = network();
  const progress: Array<UploadProgress> = [];
  const { getUrl, key } = await reloaded.upload(again, {
    resume: pending,
    onProgress: (event) => progress.push(event),
  });
  expect(key).toBe(pending?.key);
  expect(seen.filter(isPut).map(partOf)).toEqual([2]);
  expect(progress.find(({ parts }) => parts?.done === 1)?.sent).toBe(PART_SIZE);
  expect(await sha256At(getUrl)).toBe(SHA_256);
  expect(await reloaded.pending()).toEqual([]);
});

/** The same file to a person and to a browser, whose first byte is another. */
function change(bytes: Uint8Array, { name }: File) {
  const changed = Uint8Array.from(bytes);
  changed[0] = (changed[0] ?? 0) ^ 1;
  return new File([changed], name, NAMED);
}
const CHANGED_FILE = change(BYTES, FILE);
const CHANGED = createHash("sha256")
  .update(await CHANGED_FILE.bytes())
  .digest("hex");

it("a file whose content has changed under its name, size and date is not mixed with what was sent of it", async () => {
  const { reloaded } = await leave({ file: LONG_FILE });
  const [pending] = await reloaded.pending();
  const seen = network();
  const changed = change(LONG, LONG_FILE);
  const { getUrl, key } = await reloaded.upload(changed, { resume: pending });
  expect(key).toBe(pending?.key);
  const sha256 = createHash("sha256").update(await changed.bytes());
  expect(await sha256At(getUrl)).toBe(sha256.digest("hex"));
  // What has not changed is not sent again.
  expect(seen.filter(isPut).map(partOf).toSorted()).toEqual([1, 3]);
});

it("a file that has changed is noticed too where the store verifies no checksum", async () => {
  const { reloaded } = await leave({
    policy: { multipart: { max_size: 2 ** 30, checksums: [] } },
  });
  const { getUrl } = await reloaded.upload(CHANGED_FILE);
  expect(await sha256At(getUrl)).toBe(CHANGED);
});

it("a file that has changed after an unanswered completion is another upload", async () => {
  const storage = new Map<string, string>();
  const { client } = await start({ storage });
  network((seen) => (seen.action === "multipart/complete" ? "answer lost" : undefined));
  expect((await failure(client.upload(FILE, { retry: { for: "0 seconds" } }))).code).toBe(
    "offline",
  );
  vi.unstubAllGlobals();
  const [pending] = await client.pending();
  const { getUrl, key } = await client.upload(CHANGED_FILE);
  expect(key).not.toBe(pending?.key);
  expect(await sha256At(getUrl)).toBe(CHANGED);
});

it("a part that the store has is sent again if it is not remembered what was sent", async () => {
  const { reloaded, memory } = await leave();
  const [[key, value] = ["", "{}"]] = memory;
  const { file, begun } = JSON.parse(value);
  memory.set(key, JSON.stringify({ file, begun, parts: [] }));
  const seen = network();
  const { getUrl } = await reloaded.upload(FILE);
  expect(seen.filter(isPut).map(partOf).toSorted()).toEqual([1, 2]);
  expect(seen.filter(isFor("multipart"))).toEqual([]);
  expect(await sha256At(getUrl)).toBe(SHA_256);
});

it("parts that another has replaced in the store are sent again, and no others", async () => {
  const storage = new Map<string, string>();
  const { client } = await start({ storage });
  const unverified = policyWith({
    max_size: 2 ** 30,
    multipart: { max_size: 2 ** 30, checksums: [] },
  });
  const seen = network((request) => {
    if (isFor("policies")(request)) return unverified;
    return isFor("multipart/complete")(request) ? new Response("", { status: 400 }) : undefined;
  });
  expect((await failure(client.upload(FILE))).code).toBe("service-failed");
  const sent = seen.find((request) => partOf(request) === 1);
  vi.unstubAllGlobals();
  const body = new Uint8Array(PART_SIZE);
  const headers = Object.fromEntries(sent?.headers ?? []);
  expect((await fetch(sent?.url ?? "", { method: "PUT", headers, body })).status).toBe(200);
  const again = network();
  const { getUrl } = await client.upload(FILE);
  expect(again.filter(isPut).map(partOf)).toEqual([1]);
  expect(await sha256At(getUrl)).toBe(SHA_256);
});

it("another file does not go on with an upload, and the message names the one that does", async () => {
  const { reloaded } = await leave();
  const [pending] = await reloaded.pending();
  const other = new File([BYTES], "film.png", { type: "image/png", lastModified: 5 });
  const error = await failure(reloaded.upload(other, { resume: pending }));
  expect(error.code).toBe("file-changed");
  expect(error.message).toContain("film.png with 5242883 bytes");
});

it("the memory of each part does not grow with the file, and all of it is found again", async () => {
  let written = 0;
  const storage = new (class extends Map<string, string> {
    override set(key: string, value: string) {
      written += value.length;
      return super.set(key, value);
    }
  })();
  const facts = { filename: "a.mp4", size: 3000 * PART_SIZE, lastModified: 1, policy: undefined };
  const memoryOf = () =>
    makeMemory({
      facts,
      fields: { ...facts, content_type: "video/mp4" },
      service: { files: "http://a.test/" },
      resume: undefined,
      storage,
      kept: { parts: storage },
    });
  const begun = { upload: "v1.a", key: "a", partSize: PART_SIZE, expiresAt: "2030-01-01" };
  const sent = new Map<number, SentPart>();
  for (let partNumber = 1; partNumber <= 3000; partNumber++) {
    sent.set(partNumber, { partNumber, etag: "a".repeat(34), checksum: "a".repeat(44) });
    await memoryOf().keep(begun, sent, partNumber);
  }
  expect(written).toBeLessThan(15e6);
  expect((await memoryOf().recall())?.parts).toEqual([...sent.values()]);
  // What another attempt has left counts for nothing.
  await memoryOf().keep({ ...begun, upload: "v1.b" }, new Map(), 1);
  expect((await memoryOf().recall())?.parts).toEqual([]);
  await memoryOf().forget();
  expect([...storage]).toEqual([]);
});

it("an upload that was ended elsewhere starts anew", async () => {
  const { reloaded, memory } = await leave();
  const remembered = [...memory];
  const [pending] = await reloaded.pending();
  await pending?.discard();
  expect(await reloaded.pending()).toEqual([]);
  for (const [key, value] of remembered) memory.set(key, value);
  const seen = network();
  const { getUrl } = await reloaded.upload(FILE);
  expect(seen.filter(isPut)).toHaveLength(2);
  expect(await sha256At(getUrl)).toBe(SHA_256);
});

it("an upload whose completion was not answered is completed after the reload, and not sent again", async () => {
  const storage = new Map<string, string>();
  const { client } = await start({ storage });
  network((seen) => (seen.action === "multipart/complete" ? "answer lost" : undefined));
  const once = { retry: { for: "0 seconds" } } as const;
  expect((await failure(client.upload(FILE, once))).code).toBe("offline");
  vi.unstubAllGlobals();
  const seen = network();
  const { getUrl } = await client.upload(FILE);
  expect(seen.filter(isPut)).toEqual([]);
  expect(await sha256At(getUrl)).toBe(SHA_256);
});

it("an upload of whose parts none arrives ends, and is never completed", async () => {
  const { client } = await start();
  const seen = network((request) => (isPut(request) ? page() : undefined));
  expect((await failure(client.upload(FILE))).code).toBe("mismatch");
  expect(seen.filter(isFor("multipart/complete"))).toEqual([]);
  expect(seen.filter(isPut)).toHaveLength(12);
});

it.each([
  ["that CORS hides", {}],
  ["that the service would refuse", { ETag: `"${"a".repeat(16_000)}"` }],
])("ETags %s are asked for from the service", async (_, headers) => {
  const { client } = await start();
  const seen = network((request) =>
    isPut(request) ? ({ status }) => new Response(null, { status, headers }) : undefined,
  );
  const { getUrl } = await client.upload(FILE);
  expect(await sha256At(getUrl)).toBe(SHA_256);
  expect(seen.filter(({ action }) => action.startsWith("multipart/parts?"))).toHaveLength(1);
});

it("parts go with MD5 only if that is asked for, and the store verifies nothing else", async () => {
  const { client } = await start();
  const seen = network(
    first(1, isFor("policies"), () =>
      policyWith({ multipart: { max_size: 2 ** 30, checksums: ["md5"] } }),
    ),
  );
  await client.upload(FILE);
  expect(seen.filter(isPut)).toHaveLength(2);
  const sums = () => seen.filter(({ headers }) => headers.has("content-md5"));
  expect(sums()).toEqual([]);
  await client.upload(FILE, { checksum: true });
  expect(sums()).toHaveLength(2);
});

it("a store that takes no parts gets the file with one PUT", async () => {
  const { client } = await start();
  const seen = network(first(1, isFor("policies"), () => policyWith({ multipart: undefined })));
  const { getUrl } = await client.upload(FILE);
  expect(await sha256At(getUrl)).toBe(SHA_256);
  expect(seen.filter(isPut)).toHaveLength(1);
});

it("parts are sent of what is larger than 5 MiB, or than the size that is set, also to never", async () => {
  const { client } = await startUploads();
  const seen = network(({ action }) =>
    action === "multipart" || action === "presign" ? new Response("", { status: 400 }) : undefined,
  );
  const whole = new File([BYTES.subarray(0, PART_SIZE)], "a.png", NAMED);
  await failure(client.upload(FILE));
  await failure(client.upload(whole));
  await failure(client.upload(whole, { multipart: whole.size - 1 }));
  await failure(client.upload(FILE, { multipart: FILE.size }));
  await failure(client.upload(FILE, { multipart: false }));
  const asked = seen.map(({ action }) => action).filter((action) => action !== "policies");
  expect(asked).toEqual(["multipart", "presign", "multipart", "presign", "presign"]);
});

it("a refusal of a file in parts is the same as of one with a single PUT", async () => {
  const { client } = await startUploads();
  const error = await failure(client.upload(new File([LONG, "a"], "a.png", NAMED)));
  expect(error).toMatchObject({ code: "refused", limit: 10 * 2 ** 20 });
});
