import { expect, it, vi } from "vitest";
import {
  createClient,
  type UploadOptions,
  type UploadProgress,
  type UploadTask,
} from "../../adapters/client/client.ts";
import {
  FILE,
  failure,
  first,
  isFor,
  isPut,
  network,
  onPut,
  pass,
  s3Error,
  type Seen,
  startUploads,
  stopClocks,
  takeAndLose,
  TOKEN,
} from "./host.ts";

/** Options of an upload that tries nothing again. */
const ONCE = { retry: { for: "0 seconds" } } as const;
const imageOf = (size: number) => new File([new Uint8Array(size)], "a.png", { type: "image/png" });
const busy = () => new Response("{}", { status: 429, headers: { "Retry-After": "1" } });

it("an upload is granted strictly, sent with a checksum, confirmed, and can be read", async () => {
  const { client, address } = await startUploads();
  const seen = network();
  const progress: Array<UploadProgress> = [];
  const result = await client.upload(FILE, { onProgress: (event) => progress.push(event) });
  expect(seen.map(({ action, method, isForStore }) => (isForStore ? method : action))).toEqual([
    "policies",
    "presign",
    "PUT",
    "confirm",
  ]);
  const put = seen.find(isPut);
  expect(Object.keys(Object.fromEntries(put?.headers ?? []))).toEqual([
    // As a browser would set it.
    "content-length",
    "content-type",
    "if-none-match",
    "x-amz-checksum-sha256",
  ]);
  expect(result).toMatchObject({ size: FILE.size, contentType: "image/png" });
  expect(result.fileUrl).toBe(`${address}/api/v1/${result.key.replace("org_1", "acme")}`);
  expect(result.receipt).toMatch(/^v1\./);
  expect(await (await fetch(result.getUrl)).text()).toBe("the bytes of a picture");
  expect(progress.at(-1)).toMatchObject({ sent: FILE.size, total: FILE.size, percent: 100 });
});

it("the token is asked for before each call, and goes to the service alone", async () => {
  let asked = 0;
  const token = async () => (asked++, TOKEN);
  const { client } = await startUploads({}, { token, headers: () => ({ "X-Csrf": "1" }) });
  const seen = network();
  await client.upload(FILE);
  expect(asked).toBe(seen.filter(({ isForStore }) => !isForStore).length);
  for (const { isForStore, headers } of seen) {
    const sent = [headers.get("authorization"), headers.get("x-csrf")];
    expect(sent).toEqual(isForStore ? [null, null] : [`Bearer ${TOKEN}`, "1"]);
  }
});

it("a redirect of the service is not followed with the token", async () => {
  const { client } = await startUploads();
  const seen = network(({ action }) =>
    action === "presign" ? Response.redirect("http://127.0.0.1:2/elsewhere", 307) : undefined,
  );
  const error = await failure(client.upload(FILE, ONCE));
  expect([error.code, error.message]).toEqual([
    "service-failed",
    expect.stringMatching(/^The service answered (307|with a redirect)\. Check that endpoint/),
  ]);
  expect(seen.filter(({ url }) => url.includes("elsewhere"))).toEqual([]);
});

it.each<[string, (seen: Seen) => boolean, () => Response | "lost"]>([
  ["a lost connection to the service", isFor("presign"), () => "lost"],
  ["a lost connection to the store", isPut, () => "lost"],
  ["a 503 of the store", isPut, () => s3Error(503, "SlowDown")],
  ["a body that the store did not get whole", isPut, () => s3Error(400, "IncompleteBody")],
  ["a 502 of a proxy", isFor("confirm"), () => new Response("Bad Gateway", { status: 502 })],
  ["a 408 of the service", isFor("policies"), () => new Response("", { status: 408 })],
])("an upload goes on after %s", async (_, matches, trouble) => {
  const { client } = await startUploads();
  const seen = network(first(3, matches, trouble));
  const { getUrl } = await client.upload(FILE);
  expect(seen.filter(matches)).toHaveLength(4);
  // Policies, presign, PUT and confirm: nothing else is asked again for a small file.
  expect(seen).toHaveLength(3 + 4);
  expect(await (await fetch(getUrl)).text()).toBe("the bytes of a picture");
});

it("a 429 is tried again after the time that it names, and progress says so", async () => {
  const { client } = await startUploads();
  network(first(1, isPut, busy));
  const progress: Array<UploadProgress> = [];
  await client.upload(FILE, { onProgress: (event) => progress.push(event) });
  const [retrying, ...more] = progress.flatMap(({ retrying }) => retrying ?? []);
  expect(retrying).toMatchObject({ attempt: 1, delay: 1000, reason: "busy" });
  expect(more).toEqual([]);
});

it.each([
  ["lost", "answer lost", {}],
  ["that of a proxy", () => new Response("Gateway Timeout", { status: 504 }), {}],
  ["lost, and the file is copied", "answer lost", { arrival: "incoming", verifyContent: false }],
  ["lost, and it may be written again", "answer lost", { writeOnce: false }],
] as const)(
  "a file that arrived is not sent again if the answer is %s",
  async (_, trouble, policy) => {
    const { client } = await startUploads({ policy });
    const seen = network(first(1, isPut, () => trouble));
    const { receipt, getUrl } = await client.upload(FILE);
    expect(receipt).toMatch(/^v1\./);
    expect(await (await fetch(getUrl)).text()).toBe("the bytes of a picture");
    const calls = seen.map(({ action, method, isForStore }) => (isForStore ? method : action));
    expect(calls).toEqual(["policies", "presign", "PUT", "confirm", "GET"]);
  },
);

const unreadable = (file: File) => Object.defineProperty(file, "arrayBuffer", { value: undefined });

it("a file that can be sent and not read goes without a checksum, and with one PUT", async () => {
  const { client } = await startUploads({ policies: { strict: { requireChecksum: true } } });
  const seen = network();
  const large = imageOf(2 ** 20);
  expect((await client.upload(unreadable(large), { multipart: 1000 })).size).toBe(large.size);
  expect(seen.filter(isPut).map(({ headers }) => headers.has("x-amz-checksum-sha256"))).toEqual([
    false,
  ]);
  const small = unreadable(new File(["a"], "a.png", { type: "image/png" }));
  const error = await failure(client.upload(small, { policy: "strict" }));
  expect(error.message).toContain("files cannot be read here");
});

it("a file of which all was taken and nothing arrived is sent until it does", async () => {
  const { client } = await startUploads();
  const puts = onPut((init, count) => (count <= 9 ? takeAndLose(init) : undefined));
  const { getUrl } = await client.upload(FILE);
  expect(await (await fetch(getUrl)).text()).toBe("the bytes of a picture");
  expect(puts.count).toBe(10);
});

it.each<[string, number]>([
  ["UNAUTHENTICATED", 401],
  ["UPLOAD_MISMATCH", 409],
])("a retry after %s at the confirmation asks again before it sends", async (code, status) => {
  const { client } = await startUploads();
  const refuse = () => Response.json({ code, title: "A title" }, { status });
  const seen = network(first(1, isFor("confirm"), refuse));
  const task = client.upload(FILE);
  await failure(task);
  expect((await task.retry()).size).toBe(FILE.size);
  expect([seen.filter(isPut).length, seen.filter(isFor("confirm")).length]).toEqual([1, 2]);
});

const problem = (code: string, status: number) => Response.json({ code, title: "A" }, { status });

it("a retry after a refused grant asks for another", async () => {
  const { client } = await startUploads();
  network(first(1, isFor("presign"), () => problem("QUOTA_EXCEEDED", 429)));
  const task = client.upload(FILE);
  expect((await failure(task)).code).toBe("quota");
  expect((await task.retry()).size).toBe(FILE.size);
});

it("a retry with a receipt that is too old sends the file under another", async () => {
  const { client } = await startUploads();
  stopClocks();
  const answers = [problem("UNAUTHENTICATED", 401), problem("INVALID_RECEIPT", 400)];
  const seen = network((seen) => (isFor("confirm")(seen) ? answers.shift() : undefined));
  const task = client.upload(FILE);
  await failure(task);
  pass(100_000);
  await failure(task.retry());
  expect([seen.filter(isPut).length, seen.filter(isFor("presign")).length]).toEqual([2, 2]);
});

it("a URL that the store no longer accepts is replaced by a fresh one, once", async () => {
  const { client } = await startUploads();
  const seen = network(first(1, isPut, () => s3Error(403, "AccessDenied")));
  await client.upload(FILE);
  expect(seen.filter(isFor("presign"))).toHaveLength(2);
  vi.unstubAllGlobals();

  const all = network((request) => (isPut(request) ? s3Error(403, "AccessDenied") : undefined));
  const error = await failure(client.upload(FILE));
  expect(error).toMatchObject({ code: "store-refused", status: 403, storeCode: "AccessDenied" });
  expect(error.message).toContain("A sentence. (AccessDenied)");
  expect(all.filter(isPut)).toHaveLength(2);
});

/** Trouble that takes 30 seconds each time. */
const slowly = <A>(happening: A): A => {
  pass(30);
  return happening;
};

it("an upload that keeps failing ends, and says what does not answer", async () => {
  const { client } = await startUploads();
  stopClocks();
  network(({ isForStore }) => (isForStore ? slowly("lost") : undefined));
  expect((await failure(client.upload(FILE))).code).toBe("unreachable");
  vi.unstubAllGlobals();
  const seen = network(({ method }) => (method === "HEAD" ? "lost" : slowly("lost")));
  const progress: Array<UploadProgress> = [];
  const start = Date.now() + 30_000;
  const upload = client.upload(FILE, { onProgress: (event) => progress.push(event) });
  expect((await failure(upload)).code).toBe("offline");
  // The last one is five minutes after the first.
  expect(seen.filter(isFor("policies"))).toHaveLength(11);
  const told = progress.flatMap(({ retrying }) => retrying ?? []);
  expect(told.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  for (const { since, until } of told) expect([since, until]).toEqual([start, start + 300_000]);
});

it("the time for retries is an option of the client and of an upload", async () => {
  const { client } = await startUploads({}, { retry: { for: "2 minutes" } });
  stopClocks();
  const seen = network((request) => (isPut(request) ? slowly("lost") : undefined));
  const puts = async (options: UploadOptions) => {
    const before = seen.filter(isPut).length;
    await failure(client.upload(FILE, options));
    return seen.filter(isPut).length - before;
  };
  expect(await puts({})).toBe(5);
  expect(await puts({ retry: { for: "1 minute" } })).toBe(3);
  expect(await puts({ retry: { shouldRetry: ({ attempt }) => attempt < 4 } })).toBe(4);
  expect(await puts(ONCE)).toBe(1);
});

it.each(["10", "10 minutes ", "ten minutes", "1.5 hours", "", 600_000])(
  "a client is not made with %j as the time to try again",
  (given) => {
    const retry = { for: given as "1 second" };
    const make = () => createClient({ endpoint: "http://a.test", organization: "acme", retry });
    expect(make).toThrow(`retry.for is ${given}, and not a duration such as 10 minutes.`);
  },
);

it("the time that an upload is paused or offline does not count", async () => {
  const { client } = await startUploads();
  stopClocks();
  let left = 7;
  const seen = network((request) => {
    // Files have the time of this machine.
    if (isFor("confirm")(request)) return mismatch();
    if (!isPut(request) || left-- <= 0) return undefined;
    if (left === 3) {
      task.pause();
      setTimeout(() => {
        pass(3600);
        task.resume();
      }, 0);
    }
    return slowly("lost");
  });
  const task = client.upload(FILE, { retry: { for: "2 minutes" } });
  expect((await failure(task)).code).toBe("mismatch");
  expect(seen.filter(isPut)).toHaveLength(8);
});

it.each<[string, isOnClock: boolean]>([
  ["a clock that counts on", true],
  ["a clock that stands", false],
])(
  "the time that a machine sleeps in a wait and in a request does not count, by %s",
  async (_, counts) => {
    const { client } = await startUploads();
    stopClocks();
    const now = performance.now.bind(performance);
    let asleep = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now() + asleep);
    const sleep = () => {
      vi.setSystemTime(Date.now() + 900_000);
      if (counts) asleep += 900_000;
    };
    const events: Array<UploadProgress> = [];
    let left = 8;
    const seen = network((request) => {
      if (!isPut(request)) return undefined;
      if (left-- <= 0) return s3Error(400, "InvalidRequest");
      pass(10);
      if (left % 2 > 0) sleep();
      return "lost";
    });
    const onProgress = (event: UploadProgress) => {
      events.push(event);
      // Before the wait, whose timer fires late.
      if (event.retrying) setTimeout(sleep, 0);
    };
    const retry = { for: "2 minutes" } as const;
    expect((await failure(client.upload(FILE, { retry, onProgress }))).code).toBe("store-refused");
    expect(seen.filter(isPut)).toHaveLength(9);
    for (const { retrying: { since = 0, until } = {} } of events) {
      if (since > 0) expect(until).toBe(since + 120_000);
    }
  },
);

it("a clock that is set by an hour neither ends an upload nor keeps it trying", async () => {
  const { client } = await startUploads();
  stopClocks();
  const retry = { for: "2 minutes" } as const;
  for (const hours of [-1, 1]) {
    const seen = network((request) => {
      if (!isPut(request)) return undefined;
      if (seen.filter(isPut).length === 3) vi.setSystemTime(Date.now() + hours * 3_600_000);
      return slowly("lost");
    });
    await failure(client.upload(FILE, { retry }));
    expect(seen.filter(isPut)).toHaveLength(5);
    vi.unstubAllGlobals();
  }
});

it.each<[string, (seen: Seen) => boolean]>([
  ["the policies", isFor("policies")],
  ["the grant", isFor("presign")],
  ["the confirmation", isFor("confirm")],
])("a captive portal in place of the answer to %s is waited for", async (_, matches) => {
  const { client } = await startUploads();
  const portal = [
    () => new Response("<h1>Welcome to our network", { headers: { "Content-Type": "text/html" } }),
    () => Response.redirect("http://127.0.0.1:2/welcome", 302),
  ];
  const seen = network((request) => (matches(request) ? portal.shift()?.() : undefined));
  const { getUrl } = await client.upload(FILE);
  expect(seen.filter(matches)).toHaveLength(3);
  expect(await (await fetch(getUrl)).text()).toBe("the bytes of a picture");
});

it("a line that breaks after much was sent is no dead one, up to 40 times in a row", async () => {
  const { client } = await startUploads();
  stopClocks();
  network((request) => (request.method === "HEAD" ? "lost" : undefined));
  const puts = onPut(async ({ body }) => {
    let taken = 0;
    for await (const chunk of body as ReadableStream<Uint8Array>) {
      taken += chunk.length;
      if (taken > 1.5 * 2 ** 20) break;
    }
    slowly("lost");
    throw new TypeError("fetch failed");
  });
  const upload = client.upload(imageOf(2 ** 21), { multipart: false, retry: { for: "1 minute" } });
  const error = await failure(upload);
  expect([error.code, puts.count]).toEqual(["unstable", 40]);
  expect(error.message).toContain("broke 40 times before 2097152 bytes got through");
});

it("a store that takes large bodies and is always busy ends an upload too", async () => {
  const { client } = await startUploads();
  stopClocks();
  const puts = onPut((init) => takeAndLose(init).catch(() => slowly(s3Error(503, "SlowDown"))));
  const upload = client.upload(imageOf(1.25 * 2 ** 20), { retry: { for: "1 minute" } });
  expect(await failure(upload)).toMatchObject({ code: "store-refused", status: 503 });
  expect(puts.count).toBeLessThan(45);
});

it.each([
  ["stands still", 1, false, 100, 120],
  // A hop may have to forward it.
  ["was taken whole, a second for each 32 KiB later", 160 * 2 ** 15, true, 200, 280],
])("a transfer that %s is begun again in time", async (_, size, isTaken, still, over) => {
  const { client } = await startUploads();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
  const { promise, resolve } = Promise.withResolvers<AbortSignal>();
  const silent = ({ signal }: RequestInit) =>
    new Promise<never>((_, reject) => {
      if (!signal) return;
      signal.addEventListener("abort", () => reject(signal.reason));
      resolve(signal);
    });
  const puts = onPut((init, count) => {
    if (count > 1) return undefined;
    return isTaken ? takeAndLose(init).catch(() => silent(init)) : silent(init);
  });
  const upload = client.upload(imageOf(size), { multipart: false });
  const signal = await promise;
  vi.advanceTimersByTime(still * 1000);
  expect(signal.aborted).toBe(false);
  vi.advanceTimersByTime((over - still) * 1000);
  expect(signal.aborted).toBe(true);
  expect((await upload).size).toBe(size);
  expect(puts.count).toBe(2);
});

it.each([
  ["1 minute", 2],
  ["1 hour", 3],
] as const)(
  "a body that nothing forwards in time ends within %s, sent %d times",
  async (time, count) => {
    const { client } = await startUploads();
    stopClocks();
    const puts = onPut((init) => takeAndLose(init).finally(() => pass(70)));
    const error = await failure(client.upload(FILE, { retry: { for: time } }));
    expect([error.code, puts.count]).toEqual(["unstable", count]);
    expect(error.message).toContain(
      `No answer came in time ${count} times before ${FILE.size} bytes`,
    );
  },
);

it("an outage does not shorten the time for which an answer is waited for", async () => {
  const { client } = await startUploads();
  stopClocks();
  network((request) => (request.method === "HEAD" ? "lost" : undefined));
  const puts = onPut((init, count) => {
    if (count === 1) return takeAndLose(init);
    if (count <= 4) return slowly(Promise.reject(new TypeError("fetch failed")));
    return count === 5 ? takeAndLose(init).finally(() => pass(70)) : undefined;
  });
  expect((await client.upload(FILE, { retry: { for: "2 minutes" } })).size).toBe(FILE.size);
  expect(puts.count).toBe(6);
});

it("a captive portal of more than 45 seconds does not end the upload of a service that is known", async () => {
  const { client } = await startUploads();
  stopClocks();
  network(first(4, isFor("confirm"), () => slowly(page())));
  expect((await client.upload(FILE)).size).toBe(FILE.size);
});

it("a foreign answer is reported sooner if the service never answered at its address", async () => {
  const endpoint = "http://127.0.0.1:11";
  const client = createClient({ endpoint, organization: "acme" });
  vi.spyOn(Math, "random").mockReturnValue(0);
  stopClocks();
  const seen = network(() => slowly(new Response("<h1>It works!")));
  expect((await failure(client.upload(FILE))).code).toBe("invalid-answer");
  expect(seen).toHaveLength(3);
});

const page = () => new Response("<h1>Welcome to our network");

it("a PUT that something else has answered is sent again, and not without end", async () => {
  const { client } = await startUploads();
  const seen = network(first(2, isPut, page));
  const { getUrl } = await client.upload(FILE);
  expect(await (await fetch(getUrl)).text()).toBe("the bytes of a picture");
  expect([seen.filter(isPut).length, seen.filter(isFor("presign")).length]).toEqual([3, 1]);
  vi.unstubAllGlobals();
  const all = network((request) => (isPut(request) ? page() : undefined));
  expect(await failure(client.upload(FILE))).toMatchObject({
    code: "mismatch",
    problem: { code: "UPLOAD_INCOMPLETE" },
  });
  expect(all.filter(isPut)).toHaveLength(6);
});

it("a refusal by the policy says what is allowed, and nothing is sent", async () => {
  const { client } = await startUploads({ policy: { maxSize: "1 MiB" } });
  const seen = network();
  const large = imageOf(2 ** 20 + 1);
  const tooLarge = await failure(client.upload(large));
  expect(tooLarge).toMatchObject({ code: "refused", limit: 2 ** 20, status: 413 });
  expect(tooLarge.message).toMatch(/^The file is too large\. The policy accepts files of up to/);
  const page = new File(["<p>"], "a.html", { type: "text/html" });
  const wrongType = await failure(client.upload(page));
  expect([wrongType.code, wrongType.allowed]).toEqual([
    "refused",
    expect.arrayContaining(["image/png"]),
  ]);
  expect((await failure(client.upload(FILE, { policy: "none" }))).problem?.code).toBe(
    "UNKNOWN_POLICY",
  );
  expect(seen.filter(isPut)).toEqual([]);
});

it("a quota that is used up is not waited for", async () => {
  const { client } = await startUploads({ limits: { objectsPerDay: 1 } });
  await client.upload(FILE);
  const error = await failure(client.upload(FILE));
  const userMessage = "No more files are accepted today.";
  expect(error).toMatchObject({ code: "quota", status: 429, userMessage });
  expect(error.retryAfter).toBeGreaterThan(0);
});

it("a full storage is not waited for", async () => {
  const { client } = await startUploads();
  const seen = network(first(9, isFor("presign"), () => problem("STORAGE_FULL", 507)));
  expect((await failure(client.upload(FILE))).code).toBe("quota");
  expect(seen.filter(isFor("presign"))).toHaveLength(1);
});

it.each([
  [{ token: "another" }, "unauthenticated", "Sign in, then try again."],
  [{ token: undefined }, "unauthenticated", "Sign in, then try again."],
  [{ organization: "globex" }, "not-found", "You may not upload here."],
] as const)("a client with %j is told that it is %s, and what to do", async (...row) => {
  const [options, code, userMessage] = row;
  const { client } = await startUploads({}, options);
  expect(await failure(client.upload(FILE))).toMatchObject({ code, userMessage });
});

it("an empty file is named as one, before anything is asked", async () => {
  const { client } = await startUploads();
  const seen = network();
  const error = await failure(client.upload(new File([], "empty.png", { type: "image/png" })));
  const message = "empty.png is empty. Choose a file with content.";
  expect(error).toMatchObject({ code: "empty-file", message, userMessage: message });
  expect(seen).toEqual([]);
});

it("a file without a type gets that of its extension, by the policy", async () => {
  const { client } = await startUploads();
  const { contentType } = await client.upload(new File(["a"], "PHOTO.JPG"));
  expect(contentType).toBe("image/jpeg");
  const given = await client.upload(new Blob(["a"]), {
    filename: "constructor",
    contentType: "text/plain",
  });
  expect(given.contentType).toBe("text/plain");
  expect((await failure(client.upload(new File(["a"], "a.constructor")))).code).toBe("refused");
});

it("an upload that is aborted rejects at once, whatever it waits for", async () => {
  const { client } = await startUploads();
  vi.mocked(Math.random).mockReturnValue(0.999);
  network((seen) => (isPut(seen) ? "lost" : undefined));
  const controller = new AbortController();
  const upload = client.upload(FILE, {
    signal: controller.signal,
    onProgress: ({ retrying }) => {
      if (retrying?.attempt === 3) controller.abort();
    },
  });
  expect((await failure(upload)).code).toBe("aborted");
  const task = client.upload(FILE);
  task.abort();
  expect((await failure(task)).code).toBe("aborted");
  expect((await failure(client.upload(FILE, { signal: AbortSignal.abort() }))).code).toBe(
    "aborted",
  );
});

it("a paused upload sends nothing until it is resumed", async () => {
  const { client } = await startUploads();
  const seen = network();
  const task = client.upload(FILE);
  task.pause();
  await client.policies();
  await client.upload(FILE);
  expect(seen.filter(isPut)).toHaveLength(1);
  task.resume();
  expect((await task).size).toBe(FILE.size);
});

it("a file with one PUT that is paused says at once that it is sent again", async () => {
  const { client } = await startUploads();
  network();
  const file = imageOf(2 ** 20);
  const events: Array<UploadProgress> = [];
  const says = Promise.withResolvers<UploadProgress>();
  const task: UploadTask = client.upload(file, {
    onProgress: (event) => {
      events.push(event);
      if (event.retrying) says.resolve(event);
      else if (event.sent > 0 && events.every(({ retrying }) => !retrying)) task.pause();
    },
  });
  const { sent, retrying } = await says.promise;
  expect(retrying?.reason).toBe("paused");
  task.resume();
  expect((await task).size).toBe(file.size);
  expect(events.find((event) => event.sent < sent && event.retrying)?.sent).toBeDefined();
});

it("an error that onProgress throws is reported by the platform, and the upload goes on", async () => {
  const { client } = await startUploads();
  const thrown: Array<unknown> = [];
  const real = queueMicrotask;
  vi.stubGlobal("queueMicrotask", (work: () => void) =>
    real(() => {
      try {
        work();
      } catch (cause) {
        thrown.push(cause);
      }
    }),
  );
  const mistake = new Error("of the page");
  const onProgress = () => {
    throw mistake;
  };
  expect((await client.upload(FILE, { onProgress })).size).toBe(FILE.size);
  const [outcome] = await client.uploadAll([FILE], { onFileProgress: onProgress });
  expect(outcome?.status).toBe("fulfilled");
  expect(new Set(thrown)).toEqual(new Set([mistake]));
});

it("100 percent is what an upload has once it is confirmed, alone and with others", async () => {
  const { client } = await startUploads();
  const seen = network();
  const confirmed: Array<number> = [];
  const onProgress = ({ sent, total, percent }: UploadProgress) => {
    const requests = seen.filter(({ action }) => action.startsWith("confirm"));
    if (percent === 100 || sent === total) confirmed.push(requests.length);
  };
  await client.upload(FILE, { onProgress });
  expect(confirmed).toEqual([1]);
  const others = ["b.png", "c.png"].map((name) => new File([FILE], name, { type: "image/png" }));
  await client.uploadAll(others, { onProgress });
  expect(confirmed).toEqual([1, 3]);
});

it("the policies are what the service lists, and are remembered for five minutes", async () => {
  const { client } = await startUploads({ policies: { avatars: { requireChecksum: true } } });
  stopClocks();
  const [files, avatars] = await client.policies();
  expect(files).toMatchObject({ name: "files", maxSize: 10 * 2 ** 20, putLifetime: 900 });
  expect(files?.extensions[".jpg"]).toBe("image/jpeg");
  expect(avatars).toMatchObject({ name: "avatars", requireChecksum: true });
  const seen = network();
  await client.upload(FILE, { policy: "avatars", checksum: false });
  pass(299);
  expect(await client.policies()).toEqual([files, avatars]);
  expect(seen.filter(isFor("policies"))).toEqual([]);
  pass(2);
  await client.policies();
  expect(seen.filter(isFor("policies"))).toHaveLength(1);
});

it("a file that is sent with one PUT has progress on Node too", async () => {
  const { client } = await startUploads();
  const file = imageOf(2 ** 20);
  const sent: Array<number> = [];
  await client.upload(file, { onProgress: (event) => sent.push(event.sent) });
  expect(sent).toEqual([0, 2 ** 18, 2 ** 19, 2 ** 19 + 2 ** 18, 2 ** 20 - 1, 2 ** 20]);
});

it("the store is sent no cookies, and neither is a probe of whether it is there", async () => {
  const { client } = await startUploads();
  const seen = network((request) =>
    request.isForStore || request.method === "HEAD" ? "lost" : undefined,
  );
  await failure(client.upload(FILE, ONCE));
  const sent = seen.filter(({ isForStore, method }) => isForStore || method === "HEAD");
  expect(sent.map(({ method }) => method).toSorted()).toEqual(["HEAD", "PUT"]);
  expect(sent.map(({ credentials }) => credentials)).toEqual(["omit", "omit"]);
});

it("a URL that is refused after a minute has expired again, and is replaced again", async () => {
  const { client } = await startUploads();
  stopClocks();
  const answers = [403, 503, 403];
  const seen = network((request) => {
    // Files have the time of this machine.
    if (isFor("confirm")(request)) return mismatch();
    const status = isPut(request) ? answers.shift() : undefined;
    if (status === 503) pass(61);
    return status ? s3Error(status, status === 503 ? "SlowDown" : "AccessDenied") : undefined;
  });
  expect((await failure(client.upload(FILE))).code).toBe("mismatch");
  expect(seen.filter(isFor("presign"))).toHaveLength(3);
});

const mismatch = () =>
  Response.json({ code: "UPLOAD_MISMATCH", title: "Another file" }, { status: 409 });

it("a URL that has expired while it was not used is not tried", async () => {
  const { client } = await startUploads({ policies: { brief: { putLifetime: "1 second" } } });
  stopClocks();
  const busy = [503];
  const seen = network((request) => {
    const status = isPut(request) ? busy.shift() : undefined;
    if (status === 503) pass(1.5);
    return status ? s3Error(status, "SlowDown") : undefined;
  });
  await client.upload(FILE, { policy: "brief" });
  expect([seen.filter(isFor("presign")).length, seen.filter(isPut).length]).toEqual([2, 2]);
});
