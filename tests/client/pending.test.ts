import { expect, it } from "vitest";
import type { UploadProgress } from "../../adapters/client/client.ts";
import {
  FILE,
  failure,
  first,
  type Happening,
  isFor,
  isPut,
  LARGE,
  network,
  pass,
  startUploads,
  stopClocks,
} from "./host.ts";

// A service that is not ready with what has arrived: its answers are given in place of the real one.

const problem = (status: number, code: string, more = {}, headers = {}) =>
  Response.json({ code, title: "A title", detail: "A detail.", ...more }, { status, headers });
const pending = (state: unknown, after = "0") =>
  problem(202, "UPLOAD_PENDING", { state }, { "Retry-After": after });
/** The service does what it is asked, and answers otherwise. */
const instead = (answer: () => Response) => (): Happening => answer;

const incoming = (over = {}) =>
  startUploads({ policy: { arrival: "incoming", verifyContent: false } }, over);

it.each([
  ["confirm", FILE],
  ["multipart/complete", LARGE],
])("a %s that is answered with 202 is asked again, and progress says why", async (action, file) => {
  const { client } = await incoming({ storage: new Map() });
  const answers = [pending("copying"), pending("scanning", "1")];
  const seen = network((request) => (isFor(action)(request) ? answers.shift() : undefined));
  const events: Array<UploadProgress> = [];
  const upload = client.upload(file, { onProgress: (event) => events.push(event) });
  const { getUrl } = await upload;
  const waits = events.flatMap(({ retrying, percent }) =>
    retrying ? [[retrying.reason, retrying.delay, percent < 100]] : [],
  );
  // A busy service answers so too.
  expect(waits.slice(0, 2)).toEqual([
    ["copying", 0, true],
    ["scanning", 1000, true],
  ]);
  expect(events.at(-1)?.percent).toBe(100);
  expect(seen.filter(isFor(action))).toHaveLength(waits.length + 1);
  expect(seen.filter(isPut)).toHaveLength(file === FILE ? 1 : 2);
  expect((await fetch(getUrl)).status).toBe(200);
});

/** Answers with these states, of which each takes a minute. */
function minutesOf(...states: ReadonlyArray<string>) {
  const left = states.values();
  return network((request) => {
    if (!isFor("confirm")(request)) return undefined;
    pass(60);
    return pending(left.next().value ?? "scanning");
  });
}

it("an upload whose state stays the same fails after retry.for, and says that it has arrived", async () => {
  const { client } = await incoming();
  stopClocks();
  const seen = minutesOf();
  const error = await failure(client.upload(FILE));
  expect(error).toMatchObject({ code: "pending", status: 202 });
  expect(error.userMessage).toBe("The file is still being checked. Try again later.");
  expect(seen.filter(isFor("confirm"))).toHaveLength(6);
  expect(seen.filter(isPut)).toHaveLength(1);
});

it("another state is progress", async () => {
  const { client } = await incoming();
  stopClocks();
  const seen = minutesOf("copying", "copying", "copying", "scanning");
  expect((await failure(client.upload(FILE))).code).toBe("pending");
  expect(seen.filter(isFor("confirm"))).toHaveLength(9);
});

it("an upload that waits can be aborted, and is asked for no more", async () => {
  const { client } = await incoming();
  const seen = network((request) => (isFor("confirm")(request) ? pending("scanning") : undefined));
  const upload = client.upload(FILE, {
    onProgress: ({ retrying }) => {
      if (retrying?.reason === "scanning") upload.abort();
    },
  });
  expect((await failure(upload)).code).toBe("aborted");
  expect(seen.filter(isFor("confirm"))).toHaveLength(1);
});

it.each([{}, { state: 5 }, { state: "sc\nanning" }, { state: "x".repeat(2 ** 16) }])(
  "a 202 of the service is waited for whatever its state is: %.40j",
  async (more) => {
    const { client } = await incoming();
    const answer = () => problem(202, "UPLOAD_PENDING", more, { "Retry-After": "0" });
    network(first(2, isFor("confirm"), answer));
    expect((await client.upload(FILE)).size).toBe(FILE.size);
  },
);

it("a 202 of something else at the address of the service is no state of the file", async () => {
  const { client } = await incoming({ retry: { for: "0 seconds" } });
  network(first(1, isFor("confirm"), () => new Response("Please sign in", { status: 202 })));
  expect((await failure(client.upload(FILE))).code).toBe("service-failed");
});

const differences = [{ property: "content", expected: "image/png", actual: "application/zip" }];

it.each([
  ["UPLOAD_REFUSED_BY_SCAN", {}, "unsafe", "This file is unsafe, or could not be checked."],
  [
    "UPLOAD_MISMATCH",
    { differences },
    "wrong-content",
    "The content of this file is not of its type.",
  ],
])("a person is told of %s, and the file is not sent again", async (code, more, kind, sentence) => {
  const storage = new Map<string, string>();
  const { client } = await incoming({ storage });
  const refuse = instead(() => problem(409, code, more));
  const seen = network(({ action }) => (/^confirm|complete$/.test(action) ? refuse() : undefined));
  for (const [file, puts] of [
    [FILE, 1],
    [LARGE, 2],
  ] as const) {
    const before = seen.filter(isPut).length;
    const { code: failed, userMessage } = await failure(client.upload(file));
    expect([failed, userMessage]).toEqual([kind, sentence]);
    expect(seen.filter(isPut).length - before).toBe(puts);
  }
  expect(storage.size).toBe(0);
});
