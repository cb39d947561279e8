import { describe, expect, it, vi } from "vitest";
import { type ClientOptions, createClient } from "../../adapters/client/client.ts";
import { FILE, failure, first, isFor, network, startUploads, TOKEN } from "./host.ts";

const OPTIONS: ClientOptions = { endpoint: "http://127.0.0.1:9", organization: "acme" };

describe("a path as endpoint", () => {
  it("is no mistake in a module that a server loads, and its first use there says what is wrong", async () => {
    const client = createClient({ ...OPTIONS, endpoint: "/uploads" });
    const seen = network();
    for (const outcome of await Promise.allSettled([client.upload(FILE), client.policies()])) {
      expect(outcome).toEqual({
        status: "rejected",
        reason: new TypeError("endpoint must be a URL outside of a page."),
      });
    }
    expect(await client.pending()).toEqual([]);
    expect(seen).toEqual([]);
  });

  it("is one of the page's origin", async () => {
    const { address } = await startUploads();
    vi.stubGlobal("location", { href: `${address}/a/page` });
    const client = createClient({ endpoint: "/", organization: "acme", token: TOKEN });
    expect((await client.upload(FILE)).size).toBe(FILE.size);
  });
});

describe("an option that cannot be used", () => {
  it.each<[string, object]>([
    ['organization must be a name, not "undefined".', { organization: undefined }],
    ['endpoint must be a URL or a path, not "undefined".', { endpoint: undefined }],
    [
      'endpoint must be a URL or a path, not "uploads.example.com".',
      { endpoint: "uploads.example.com" },
    ],
    ...[0, 1.5, "4"].map((concurrency): [string, object] => [
      `concurrency must be a whole number above 0, not "${concurrency}".`,
      { concurrency },
    ]),
  ])("of the client is named when it is given: %s", (message, mistake) => {
    expect(() => createClient({ ...OPTIONS, ...mistake })).toThrow(new TypeError(message));
  });

  it.each<[string, unknown]>([
    ['file must be a File or a Blob, not "text".', "text"],
    ['file must be a File or a Blob, not "[object Object]".', { name: "photo.png" }],
  ])("is a file that is none, and nothing is asked: %s", async (message, file) => {
    const { client } = await startUploads();
    const seen = network();
    await expect(client.upload(file as File)).rejects.toThrow(new TypeError(message));
    expect(seen).toEqual([]);
  });
});

const refused = () => Response.json({ code: "UNAUTHENTICATED", title: "a" }, { status: 401 });

describe("a token that the service refuses", () => {
  it("is replaced once by a function, which is told that it was refused", async () => {
    const asked: Array<boolean> = [];
    const token = (wasRefused: boolean) => {
      asked.push(wasRefused);
      return asked.includes(true) ? TOKEN : "expired";
    };
    const { client } = await startUploads({}, { token });
    const seen = network();
    expect((await client.upload(FILE)).size).toBe(FILE.size);
    expect(seen.filter(isFor("policies"))).toHaveLength(2);
    expect(asked.slice(0, 2)).toEqual([false, true]);
    expect(asked.slice(2).some(Boolean)).toBe(false);
  });

  it("is final if the new one is refused too", async () => {
    const token = vi.fn((_wasRefused: boolean) => "expired");
    const { client } = await startUploads({}, { token });
    const seen = network();
    expect((await failure(client.upload(FILE))).code).toBe("unauthenticated");
    expect(token.mock.calls).toEqual([[false], [true]]);
    expect(seen.filter(isFor("policies"))).toHaveLength(2);
  });

  it("is final at once if it is a value, or of headers", async () => {
    const { client } = await startUploads({}, { token: "expired", headers: () => ({}) });
    const seen = network();
    expect((await failure(client.upload(FILE))).code).toBe("unauthenticated");
    expect(seen).toHaveLength(1);
  });

  it("is replaced by one for all requests that are refused meanwhile", async () => {
    const { promise: fresh, resolve } = Promise.withResolvers<string>();
    let renewals = 0;
    let current = Promise.resolve("expired");
    const token = (wasRefused: boolean) => {
      if (wasRefused) {
        renewals += 1;
        current = fresh;
      }
      return current;
    };
    const { client } = await startUploads({}, { token });
    const seen = network();
    const uploads = Promise.all(Array.from({ length: 4 }, () => client.upload(FILE)));
    await expect.poll(() => seen).toHaveLength(4);
    // Long enough for every refusal to arrive.
    await fetch(seen[0]?.url ?? "");
    resolve(TOKEN);
    expect(await uploads).toHaveLength(4);
    expect(renewals).toBe(1);
  });

  it("is replaced in the middle of an upload as at its start", async () => {
    const token = vi.fn((_wasRefused: boolean) => TOKEN);
    const { client } = await startUploads({}, { token });
    const refuses = ["policies", "confirm"].map((action) => first(1, isFor(action), refused));
    const seen = network((request) => refuses.map((each) => each(request)).find(Boolean));
    expect((await client.upload(FILE)).size).toBe(FILE.size);
    expect(seen.filter(isFor("confirm"))).toHaveLength(2);
    expect(token.mock.calls.filter(([wasRefused]) => wasRefused)).toHaveLength(2);
  });
});

it.each(["Failed to fetch", "Load failed", "NetworkError when attempting to fetch resource."])(
  "a token or headers that are lost on the way are asked for again: %s",
  async (message) => {
    const left = [1, 1, 1];
    const lose = <A>(value: A) => {
      if (left.pop()) throw new TypeError(message);
      return value;
    };
    const provided = { token: async () => lose(TOKEN), headers: () => lose({}) };
    const { client } = await startUploads({}, provided);
    expect((await client.upload(FILE)).size).toBe(FILE.size);
    expect(left).toEqual([]);
  },
);

const NO_TOKEN =
  "token is not text on one line. Check what its address answers to who is not signed in.";
const cause = new Error("nobody is signed in");

it.each<[string, unknown, string]>([
  ["is on two lines, such as a page", "two\nlines", NO_TOKEN],
  ["is given by a function so", () => "two\nlines", NO_TOKEN],
  ["is no text", async () => ({ access: "two" }), NO_TOKEN],
  ["is null", () => null, NO_TOKEN],
  [
    "cannot be had",
    () => Promise.reject(cause),
    "The function token failed: Error: nobody is signed in. Check the address that it asks.",
  ],
])("a token that %s asks a person to sign in, and nothing is sent", async (_, token, message) => {
  const { client } = await startUploads({}, { token: token as string });
  const seen = network();
  const error = await failure(client.upload(FILE));
  expect([error.code, error.message]).toEqual(["unauthenticated", message]);
  expect(error.userMessage).toBe("Sign in, then try again.");
  expect(seen).toEqual([]);
});

it.each(["token", "headers"])("a function %s that never answers is asked again", async (name) => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
  const { promise: isAsked, resolve } = Promise.withResolvers<void>();
  let asked = 0;
  const provide = () => {
    asked += 1;
    resolve();
    if (asked === 1) return new Promise<never>(() => {});
    return name === "token" ? TOKEN : {};
  };
  const { client } = await startUploads({}, { token: TOKEN, [name]: provide });
  const upload = client.upload(FILE);
  await isAsked;
  expect(asked).toBe(1);
  vi.advanceTimersByTime(120_000);
  expect((await upload).size).toBe(FILE.size);
  expect(asked).toBeGreaterThan(1);
});

it("a token that is asked for in vain is named, and not the service", async () => {
  const lost = new TypeError("Failed to fetch");
  const token = () => Promise.reject(lost);
  const { client } = await startUploads({}, { token, retry: { shouldRetry: () => false } });
  const error = await failure(client.upload(FILE));
  expect([error.code, error.message]).toEqual([
    "offline",
    "The function token failed: TypeError: Failed to fetch. Check the address that it asks.",
  ]);
});
