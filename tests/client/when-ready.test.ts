import { expect, it, vi } from "vitest";
import type { RetryOptions } from "../../adapters/client/client.ts";
import { createFiles, type FileState } from "../../adapters/client/files/files.ts";
import { FILE, MIA } from "../embed/host.ts";
import { failure, pass, startUploads, stopClocks, TOKEN } from "./host.ts";

const KEY = "orgs/org_1/files/2026/11/3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f.png";
const ASKED = { caller: MIA, organization: "acme" };

/** An upload that somebody else makes, step by step. */
async function startUpload() {
  const policy = { arrival: "incoming", verifyContent: false } as const;
  const { valetkey, address } = await startUploads({ policy });
  const { key, receipt, putUrl, putHeaders } = await valetkey.requestUpload(FILE);
  const put = () => fetch(putUrl, { method: "PUT", headers: putHeaders, body: "12345" });
  const confirm = () => valetkey.confirmUpload({ ...ASKED, receipt });
  // It is asked again at once where the service wants five seconds.
  const files = createFiles({
    endpoint: address,
    organization: "acme",
    token: TOKEN,
    fetch: async (url, init) => {
      const { retry_after, ...found } = await (await fetch(url, init)).json();
      expect(retry_after).toBe(found.state === "ready" ? undefined : 5);
      return Response.json({ ...found, ...(retry_after && { retry_after: 0 }) });
    },
  });
  return { valetkey, files, key, put, confirm };
}

/** A service that gives these answers, the last one again and again. */
function answering(answers: ReadonlyArray<object>, retry: RetryOptions = {}, onAsked = () => {}) {
  vi.spyOn(Math, "random").mockReturnValue(0);
  const asked: Array<string> = [];
  const files = createFiles({
    endpoint: "http://127.0.0.1:12",
    organization: "acme",
    retry,
    fetch: async (url) => {
      onAsked();
      return Response.json(answers[Math.min(asked.push(url), answers.length) - 1]);
    },
  });
  return { files, asked };
}

/** Each question takes so many seconds. */
const passing = (seconds: number) => () => void pass(seconds);

it("a page sees each state of a file that another client uploads and confirms, once", async () => {
  const { files, key, put, confirm } = await startUpload();
  const states: Array<FileState> = [];
  const steps: Array<Promise<unknown>> = [];
  await files.whenReady(key, {
    onState: (state) => {
      states.push(state);
      steps.push({ missing: put, waiting: confirm, ready: async () => undefined }[state]());
    },
  });
  // The file is there before the confirm has answered.
  await Promise.all(steps);
  expect(states).toEqual(["missing", "waiting", "ready"]);
  // It is already there.
  await files.whenReady(key);
});

it("the package tells the state of a file, and who may not open it hears nothing", async () => {
  const { valetkey, key, put, confirm } = await startUpload();
  const state = (over = {}) => valetkey.fileState({ ...ASKED, key, ...over });
  expect(await state()).toEqual({ key, state: "missing", retryAfter: 5 });
  await put();
  expect(await state()).toEqual({ key, state: "waiting", retryAfter: 5 });
  await confirm();
  expect(await state()).toEqual({ key, state: "ready" });
  const others = state({ key: key.replace("org_1", "org_2") });
  await expect(others).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(state({ key: undefined })).rejects.toThrow(TypeError);
});

it.each([
  ["waiting", "pending", "The file is still being checked. Try again later."],
  ["missing", "missing", "The file is missing. It has to be uploaded, and then confirmed."],
])("a file that stays %s fails with %s, and says what to do", async (state, code, sentence) => {
  stopClocks();
  const { files, asked } = answering([{ state, retry_after: 0 }], { for: "1 minute" }, passing(60));
  const error = await failure(files.whenReady(KEY));
  expect(error).toMatchObject({ code, userMessage: sentence });
  expect(error.message).toBe(`The file is ${state}. It has to be uploaded, and then confirmed.`);
  expect(asked.length).toBe(2);
});

it("a file whose state will stay is not asked for again", async () => {
  const { files, asked } = answering([{ state: "missing" }]);
  expect((await failure(files.whenReady(KEY))).code).toBe("missing");
  expect(asked.length).toBe(1);
});

it("the service says when to ask again, and what stays the same is asked for more seldom", async () => {
  stopClocks();
  const delays: Array<number> = [];
  const shouldRetry: RetryOptions["shouldRetry"] = ({ delay, reason }) => {
    delays.push(delay);
    return reason === "waiting" && delay === 0;
  };
  const wait = (...answers: ReadonlyArray<number>) => {
    const found = answers.map((retry_after) => ({ state: "waiting", retry_after }));
    return failure(answering(found, { shouldRetry }, passing(100)).files.whenReady(KEY));
  };
  await wait(7);
  expect(delays.splice(0)).toEqual([7000]);
  await wait(0, 7);
  expect(delays).toEqual([0, 25_000]);
});

it("another state is progress", async () => {
  stopClocks();
  const states = ["missing", "waiting", "missing", "waiting", "ready"];
  const found = states.map((state) => ({ state, retry_after: 0 }));
  const { files, asked } = answering(found, { for: "1 minute" }, passing(50));
  await files.whenReady(KEY);
  expect(asked.length).toBe(5);
});

const isOver = (options: unknown) => (options as AddEventListenerOptions).signal?.aborted;

it("nothing is asked while the page is hidden, and at once when it is shown", async () => {
  const page = Object.assign(new EventTarget(), { hidden: true });
  vi.stubGlobal("document", page);
  const listening = vi.spyOn(page, "addEventListener");
  const show = (isShown: boolean) => {
    page.hidden = !isShown;
    page.dispatchEvent(new Event("visibilitychange"));
  };
  const { files, asked } = answering([{ state: "waiting", retry_after: 60 }, { state: "ready" }]);
  const seen = Promise.withResolvers<void>();
  const waiting = files.whenReady(KEY, { onState: () => seen.resolve() });
  await new Promise(setImmediate);
  expect(asked).toEqual([]);
  show(true);
  await seen.promise;
  show(false);
  await new Promise(setImmediate);
  expect(asked.length).toBe(1);
  show(true);
  await waiting;
  expect(asked.length).toBe(2);
  expect(listening.mock.calls.map(([, , options]) => isOver(options))).toEqual([true]);
});

it("who no longer waits asks no more", async () => {
  const { files, asked } = answering([{ state: "waiting", retry_after: 60 }]);
  const leaving = new AbortController();
  const waiting = files.whenReady(KEY, {
    signal: leaving.signal,
    onState: () => setImmediate(() => leaving.abort()),
  });
  expect((await failure(waiting)).code).toBe("aborted");
  expect(asked.length).toBe(1);
  expect((await failure(files.whenReady(KEY, { signal: leaving.signal }))).code).toBe("aborted");
  expect(asked.length).toBe(1);
});

it.each([
  {},
  { state: 5 },
  { state: "READY" },
  { state: "ready\n" },
  { state: "waiting", retry_after: "soon" },
  { state: "waiting", retry_after: -1 },
  { state: "x".repeat(2 ** 14) },
  [],
])("an answer that is no state is not believed: %.60j", async (found) => {
  const error = await failure(answering([found]).files.whenReady(KEY));
  expect(error.code).toBe("invalid-answer");
});

it("a time that no timer takes is the end of waiting", async () => {
  const { files, asked } = answering([{ state: "waiting", retry_after: 1e300 }]);
  expect((await failure(files.whenReady(KEY))).code).toBe("pending");
  expect(asked.length).toBe(1);
});

it.each([
  "",
  "orgs/org_1/files/2026/11",
  "files/2026/11/a.png",
  "orgs/org_1/files/../../b/a.png",
  "orgs/org_1/files/2026/%2e%2e/a.png",
  "orgs/org_1/files/2026/11/a.png?download",
  "https://elsewhere.example/orgs/org_1/files/2026/11/a.png",
  `orgs/org_1/files/${"a/".repeat(8000)}`,
])("%.60s is no key of a file, and nothing is sent", async (key) => {
  const { files, asked } = answering([{ state: "ready" }]);
  await expect(files.whenReady(key)).rejects.toThrow("key must be that of a file");
  expect(asked).toEqual([]);
});

it.each([
  [KEY, "/api/v1/orgs/acme/files/2026/11/3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f.png/state"],
  ["orgs/org_1/avatars/a.png", "/api/v1/orgs/acme/files/avatars/a.png/state"],
  ["orgs/org_1/orgs/org_1/files/a.png", "/api/v1/orgs/acme/files/orgs/org_1/files/a.png/state"],
])("the state of %s is asked for at its address", async (key, path) => {
  const { files, asked } = answering([{ state: "ready" }]);
  await files.whenReady(key);
  expect(asked.map((url) => new URL(url).pathname)).toEqual([path]);
});
