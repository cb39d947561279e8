import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { examine, type Findings } from "../../adapters/contract/running/examine.ts";
import { ABILITIES, type Ability } from "../../application/ports/abilities.ts";
import { CERTIFIED, PROMISES } from "../../adapters/contract/promises/promises.ts";
import { most } from "../../adapters/contract/subject/races.ts";
import {
  type Harm,
  HARMS,
  UNSIGNED_HEADERS,
} from "../../adapters/contract/promises/unsigned-headers.ts";
import { CONTENT, LONGER } from "../../adapters/contract/sending/uploads.ts";
import { isMadeBy, type StorePromise } from "../../adapters/contract/promises/store-promise.ts";
import {
  type BuiltStore,
  hasFrom,
  openStore,
  requireAbilities,
  requireCalls,
  newSubject,
} from "../../adapters/contract/subject/subject.ts";
import type { ObjectFacts } from "../../application/ports/object-store.ts";
import { embeddedStore } from "../support/embedded-store.ts";
import { leaveHeaders, useFewHeaders } from "../support/few-headers.ts";

// The embedded store needs no server, so the contract itself is tested here: no promise holds for a
// store that does one thing otherwise.

type Serve = (request: Request) => Promise<Response>;
const honest = (request: Request, serve: Serve) => serve(request);
let between = honest;
const store = embeddedStore((request, serve) => between(request, serve));

// All of them are tried with the other stores.
useFewHeaders({ headers: 2, spellings: ["in a trailer"] });

// Each promise is tried many times.
const usual = { ...most };
beforeAll(() => void Object.assign(most, { bytes: 1_000_000, wait: 0 }));
afterAll(() => void Object.assign(most, usual));

let found: Findings;
const told: Array<unknown> = [];
/** What each promise asked of the store, and how that answered. */
const answersOf = new Map<string, ReadonlyArray<string>>();
let built: BuiltStore;
let close: () => Promise<void>;
beforeAll(async () => {
  let answers: Array<string> = [];
  between = async (request, serve) => {
    const answer = await serve(request);
    answers.push(`${request.method} ${answer.status}`);
    return answer;
  };
  found = await examine({
    store,
    onFinding: ({ promise }, { done, of }) => {
      told.push([promise, done, of]);
      answersOf.set(promise, answers);
      answers = [];
    },
    signal: new AbortController().signal,
  });
  ({ close, ...built } = await openStore(store, store.open));
});
afterAll(() => close());

const has = hasFrom(store);
const OWN = PROMISES.filter(isMadeBy(has));
const promiseOf = (title: string): StorePromise => {
  const promise = PROMISES.find((each) => each.title === title);
  if (promise === undefined) throw new Error(`there is no promise "${title}"`);
  return promise;
};

const isKept = ({ check }: StorePromise, over: Partial<BuiltStore> = {}): Promise<boolean> =>
  check(newSubject({ ...built, ...over })).then(
    () => true,
    () => false,
  );

/** Checks a promise over a store that turns one of its answers round. */
function isKeptThough(promise: StorePromise, wrong: number): Promise<boolean> {
  let asked = 0;
  between = async (request, serve) => {
    const isWrong = asked === wrong;
    asked += 1;
    const answer = await serve(request);
    if (!isWrong) return answer;
    await answer.body?.cancel();
    return answer.ok
      ? new Response("<Error><Code>AccessDenied</Code></Error>", { status: 403 })
      : new Response(CONTENT.slice());
  };
  return isKept(promise);
}

/** Promises in which calls race, so that each run asks the store in another order. */
const RACES =
  /at once leaves|concurrent|while it is copied|of 16|of 2 uploads|of two uploads|of several completions|ends? after a confirm|whichever PUT/;

/** What a promise asks for and does not depend on. */
const INDIFFERENT = new Map<string, ReadonlyArray<string>>([
  // What was granted may be there.
  ...["by default", "under strict"].map(
    (when) =>
      [
        `${when}, a PUT that says its length and comes in chunks has no other size`,
        ["0: GET 404"],
      ] as const,
  ),
  // Nor does it matter whether a store takes what it has to ignore.
  ["a field after the file changes nothing", ["0: POST 201", "1: POST 201"]],
  // Nor whether it takes a header that nobody granted.
  ["the grant of another upload confirms nothing", ["0: PUT 200"]],
  ["a grant that rides along with a file is a difference", ["0: PUT 200"]],
  // Nor whether it takes a PUT that comes too late.
  ["a PUT after the confirm does not reach the file", ["1: PUT 200"]],
]);

const STEADY = OWN.filter(({ title }) => !RACES.test(title));

it("the embedded store keeps every promise, and says so one by one", () => {
  const offered = OWN.map(({ title }) => title);
  expect(told).toEqual(offered.map((title, at) => [title, at + 1, offered.length]));
  const { findings, left } = found;
  expect(findings.filter(({ outcome }) => outcome === "broken")).toEqual([]);
  const kept = findings.filter(({ outcome }) => outcome === "kept");
  const promised = OWN.filter(({ lacks }) => lacks.length === 0).map(({ title }) => title);
  expect(kept.map(({ promise }) => promise)).toEqual(promised);
  const missing = findings.filter(({ outcome }) => outcome === "not tried");
  expect(new Set(missing.map(({ needs }) => needs))).toEqual(new Set(store.without));
  expect(left).toEqual([]);
});

it("each promise asks the store for what it always asked", async () => {
  const lines = STEADY.map(({ title }) => `${title}\n  ${answersOf.get(title)?.join(", ")}\n`);
  await expect(lines.join("")).toMatchFileSnapshot("contract.txt");
});

/**
 * The numbers of the answers that are turned round, one by one. Every unsigned header is tried in the
 * same way, so of these promises the answers of the first two headers stand for all, and the last one.
 */
function turned({ title }: StorePromise): ReadonlyArray<number> {
  const numbers = [...(answersOf.get(title) ?? []).keys()];
  if (!title.startsWith("no unsigned header")) return numbers;
  return numbers.filter((number) => number < FIRST_TWO || number === numbers.length - 1);
}
/** The answers of the preparation, and of two headers. */
const FIRST_TWO = 13;

it.each(STEADY)("a store that turns one answer round does not keep: $title", async (promise) => {
  const ignored: Array<string> = [];
  const answers = answersOf.get(promise.title) ?? [];
  const numbers = turned(promise);
  for (const number of numbers) {
    if (await isKeptThough(promise, number)) ignored.push(`${number}: ${answers[number]}`);
  }
  // A store that refuses an unsigned header keeps the promise as well.
  const refused = promise.title.startsWith("no unsigned header")
    ? numbers
        .map((number) => `${number}: ${answers[number]}`)
        .filter((answer) => answer.includes("PUT"))
        .filter((_, put) => put > 0 && put % 2 === 0)
    : [];
  expect(ignored).toEqual(INDIFFERENT.get(promise.title) ?? refused);
});

/** What stores promise that cannot do what this one can. */
const BEYOND = ABILITIES.filter(has)
  .flatMap((ability) =>
    PROMISES.filter(
      (promise) => isMadeBy((each) => each !== ability)(promise) && promise.lacks.length > 0,
    ),
  )
  // A store that forgets a replaced part keeps this one as well.
  .filter(({ title }) => !title.startsWith("a part that was replaced"));

it.each(BEYOND)("a store that can do more does not keep: $title", async (promise) => {
  between = honest;
  expect(await isKept(promise)).toBe(false);
});

const facts =
  (change: (facts: ObjectFacts) => Partial<ObjectFacts>) =>
  ({ store }: BuiltStore): Partial<BuiltStore> => ({
    store: {
      ...store,
      head: (key) =>
        Effect.map(
          store.head(key),
          Option.map((found) => ({ ...found, ...change(found) })),
        ),
    },
  });
const signer =
  (change: Partial<BuiltStore["presigner"]>) =>
  ({ presigner }: BuiltStore): Partial<BuiltStore> => ({ presigner: { ...presigner, ...change } });
const once =
  (isOnce: boolean) =>
  ({ presigner }: BuiltStore): Partial<BuiltStore> => ({
    presigner: {
      ...presigner,
      put: (request) => Effect.map(presigner.put(request), (put) => ({ ...put, isOnce })),
    },
  });
const parts =
  (
    change: (
      multipart: NonNullable<BuiltStore["store"]["parts"]>,
    ) => Partial<NonNullable<BuiltStore["store"]["parts"]>>,
  ) =>
  ({ store }: BuiltStore): Partial<BuiltStore> => ({
    store: {
      ...store,
      ...(store.parts && { parts: { ...store.parts, ...change(store.parts) } }),
    },
  });
const header =
  (name: string, value: string) =>
  (answer: Response): Response => {
    const headers = new Headers(answer.headers);
    headers.set(name, value);
    return new Response(answer.body, { status: answer.status, headers });
  };

it("an ability that does not exist is named, and those that do are taken", () => {
  requireAbilities({ ...store, without: ABILITIES });
  const unknown = ["sha-256"] as unknown as typeof ABILITIES;
  expect(() => requireAbilities({ ...store, without: unknown })).toThrow(
    /^local: nothing is called sha-256; "without" takes repeated PUT, sha256, crc32c, /,
  );
});

it("a store whose calls are not those of its abilities is named with the first", () => {
  requireCalls(store, built);
  const { copies: _, ...without } = built.store;
  expect(() => requireCalls(store, { ...built, store: without })).toThrow(
    'local: "copies" is among its abilities, and it has no such calls',
  );
  const scans = { ...built.store, scanTag: () => Effect.undefined };
  expect(() => requireCalls(store, { ...built, store: scans })).toThrow(
    'local: "scan tags" is not among its abilities, and it has the calls',
  );
});

/** What a store may do otherwise, beside an answer that is turned round. */
const OTHERWISE: ReadonlyArray<{
  readonly what: string;
  readonly answer?: (answer: Response) => Response | Promise<Response>;
  readonly adapter?: (built: BuiltStore) => Partial<BuiltStore>;
  readonly promises: ReadonlyArray<string>;
}> = [
  {
    what: "changes a byte of each file",
    answer: async (answer) => {
      const bytes = (await answer.bytes()).map((byte, at) => (at === 9 ? byte ^ 1 : byte));
      const { status, headers } = answer;
      return new Response(status === 304 ? null : bytes, { status, headers });
    },
    promises: [
      "a PUT as granted is stored byte for byte",
      "a file in parts is stored byte for byte, and confirmed as it is completed",
      "a GET answers a range, and 304 to a client that has the object",
      "a PUT cannot be replayed under writeOnce",
    ],
  },
  {
    what: "stores a byte more than was granted",
    answer: () => new Response(LONGER.slice()),
    promises: ["by default, a PUT that says its length and comes in chunks has no other size"],
  },
  {
    what: "serves another type",
    answer: header("Content-Type", "text/html"),
    promises: [
      "a GET answers with the type and disposition that were signed",
      "a file in parts is stored byte for byte, and confirmed as it is completed",
    ],
  },
  {
    what: "serves another disposition",
    answer: header("Content-Disposition", "inline;"),
    promises: [
      "a GET answers with the type and disposition that were signed",
      "a GET does not repeat unsigned headers of the upload",
      "a PDF is saved, whatever the policy says",
    ],
  },
  ...[
    ["Cache-Control", "public"],
    ["Content-Encoding", "br"],
  ].map(([name = "", value = ""]) => ({
    what: `serves another ${name}`,
    answer: header(name, value),
    promises: ["a GET does not repeat unsigned headers of the upload"],
  })),
  {
    what: "tells no size",
    adapter: facts(() => ({ size: 0 })),
    promises: [
      "an upload is confirmed once it is there, and not before",
      "an object that another key of the store replaced is not confirmed",
    ],
  },
  {
    what: "tells the type that was granted, whatever came",
    adapter: facts(() => ({ contentType: "image/png" })),
    promises: ["an object that another key of the store replaced is not confirmed"],
  },
  {
    what: "tells another type",
    adapter: facts(() => ({ contentType: "text/html" })),
    promises: ["an upload is confirmed once it is there, and not before"],
  },
  {
    what: "tells one ETag for all objects",
    adapter: facts(() => ({ etag: '"0"' })),
    promises: ["the next confirm sees an overwrite by a PUT that has not expired"],
  },
  {
    what: "replaces what was written once",
    adapter: facts(() => ({ isReplaceable: true })),
    promises: ["an object that can no longer change is final"],
  },
  {
    what: "tells an older time than that of the grant",
    adapter: facts(() => ({ age: 3_600_000 })),
    promises: ["an upload is confirmed once it is there, and not before"],
  },
  {
    what: "tells no checksum",
    adapter: facts(() => ({ checksums: {} })),
    promises: ["a checksum is compared with the SHA-256 that the store reports"],
  },
  {
    what: "finds no object",
    adapter: ({ store }) => ({ store: { ...store, head: () => Effect.succeed(Option.none()) } }),
    promises: [
      "uploads that are granted together are stored and confirmed one by one",
      "a receipt is valid for its person, its organization and its time",
    ],
  },
  {
    what: "names another origin for pages",
    adapter: signer({ publicOrigin: "https://other.example.com" }),
    promises: ["pages are told to permit the origin that browsers are sent to"],
  },
  {
    what: "offers no checksum",
    adapter: ({ store }) => ({ store: { ...store, abilities: new Set() } }),
    promises: [
      "sha256 is offered",
      "crc32c is offered",
      "md5 is offered",
      "crc32c: a part of other bytes is refused, and the right one stored",
    ],
  },
  {
    what: "does not say that it takes a PUT once",
    adapter: once(false),
    promises: [
      "a PUT cannot be replayed under writeOnce",
      "a PUT cannot be replayed under strict",
      "an object that can no longer change is final",
    ],
  },
  {
    what: "says that it takes each PUT once",
    adapter: once(true),
    promises: [
      "a PUT that is not write-once replaces the object",
      "an object that can still change is not final",
      "an object that is bound by its MD5 alone is not final",
      "PUTs that end after a confirm change nothing that is final",
    ],
  },
  {
    what: "lists no parts",
    adapter: parts(() => ({ list: () => Effect.succeed(Option.some([])) })),
    promises: [
      "a file in parts is stored byte for byte, and confirmed as it is completed",
      "crc32c: a part of other bytes is refused, and the right one stored",
      "an aborted upload is over, and nothing of it stays",
    ],
  },
  {
    what: "copies an upload over a file that is there",
    adapter: ({ store }) => ({
      store: {
        ...store,
        ...(store.copies && {
          copies: {
            ...store.copies,
            copy: (upload) =>
              Effect.andThen(
                store.remove({ key: upload.to, version: undefined }),
                store.copies?.copy(upload) ?? Effect.die("it does not copy"),
              ),
          },
        }),
      },
    }),
    promises: [
      "of copies of two uploads at once, one makes the file, and a later one does not replace it",
    ],
  },
  {
    what: "does not end an upload in parts",
    adapter: parts(() => ({ abort: () => Effect.void })),
    promises: ["an aborted upload is over, and nothing of it stays"],
  },
  {
    what: "completes nothing",
    adapter: parts(() => ({ complete: () => Effect.succeed("completed") })),
    promises: [
      "a file of one short part is an upload in parts too",
      "completing again gives the same answer",
      "of 16 completions of an upload at once, one object stays",
      "a file in parts that has another checksum than that given at its start is not stored",
    ],
  },
];

describe.each(OTHERWISE)("a store that $what", ({ answer, adapter, promises }) => {
  it.each(promises)("does not keep: %s", async (title) => {
    between = async (request, serve) => {
      const answered = await serve(request);
      const isThere = answered.status < 400 || title.includes("in chunks");
      return answer && request.method === "GET" && isThere ? answer(answered) : answered;
    };
    expect(await isKept(promiseOf(title), adapter?.(built))).toBe(false);
  });
});

/** What a download is like where a header was obeyed that the file came with. */
const OBEYED: Readonly<
  Record<Harm, (answer: Response, sent: string, isSigned: boolean) => Response>
> = {
  "writes under another key": () => new Response(CONTENT.slice()),
  "stores other bytes": () => new Response(CONTENT.slice(1)),
  "lets others read the file": (answer, _, isSigned) =>
    isSigned ? answer : new Response(CONTENT.slice()),
  "removes the file, or changes what a rule or confirm knows it by": () =>
    new Response(null, { status: 404 }),
  "locks, moves or encrypts the file": (answer, sent) => header("x-shown", sent)(answer),
  "comes with a download": (answer, sent) => header("x-shown", sent)(answer),
};

it.each(
  HARMS.flatMap((harm) =>
    UNSIGNED_HEADERS[harm].map((headers) => ({
      harm,
      headers,
      name: Object.keys(headers)[0] ?? "",
    })),
  ),
)("a store that obeys $name, which $harm, does not keep the promise", async (row) => {
  const { harm, headers, name } = row;
  leaveHeaders(harm, [headers]);
  const sent = new Map<string, string>();
  const other = harm === "writes under another key";
  between = async (request, serve) => {
    const { pathname, searchParams } = new URL(request.url);
    const value = request.headers.get(name);
    if (request.method === "PUT" && value !== null) sent.set(pathname, value);
    const answer = await serve(request);
    const obeyed = other ? [...sent.values()][0] : sent.get(pathname);
    const isRead = request.method === "GET" && answer.ok !== other;
    return obeyed !== undefined && (isRead || !searchParams.has("X-Amz-Signature"))
      ? OBEYED[harm](answer, obeyed, searchParams.has("X-Amz-Signature"))
      : answer;
  };
  expect(await isKept(promiseOf(`no unsigned header ${harm}, unseen by confirm`))).toBe(false);
});

const examineIt = (over: Partial<Parameters<typeof examine>[0]>) =>
  examine({ store, onFinding: () => undefined, signal: new AbortController().signal, ...over });

const withAbilities = (abilities: ReadonlyArray<Ability>) => ({
  ...store,
  without: [
    ...(store.without ?? []),
    ...CERTIFIED.filter((ability) => !abilities.includes(ability)),
  ],
});
const some = PROMISES.filter(
  ({ title, needs }) => needs.includes("crc32c") || /host name/.test(title),
);

describe("a store that is examined", () => {
  it("is tried with every ability, and then with those that it has proved", async () => {
    between = async (request, serve) => {
      const answer = await serve(request);
      const isLie =
        request.headers.get("host") === "store.example.com" ||
        (request.method === "PUT" && request.url.includes("crc32c"));
      return isLie ? new Response() : answer;
    };
    const counts: Array<string> = [];
    const { findings } = await examineIt({
      withAbilities,
      promises: some,
      onFinding: (_, { done, of }) => counts.push(`${done}/${of}`),
    });
    const broken = findings.filter(({ outcome }) => outcome === "broken");
    expect(broken.map(({ needs }) => needs)).toEqual([undefined, "crc32c", "crc32c"]);
    expect(broken[0]).toMatchObject({
      promise: "a PUT under another host name is refused",
      why: expect.stringContaining("the store answered with 200"),
    });
    expect(JSON.stringify(broken)).not.toMatch(/Signature=[0-9a-f]/);
    expect(counts).toEqual(["1/3", "2/3", "3/3", "1/1"]);
  });

  it.each([503, 507])(
    "is asked again where it answers %i, and then the promise is not tried",
    async (status) => {
      let left = 4;
      between = async (request, serve) =>
        request.method === "PUT" && left-- > 0 ? new Response("", { status }) : serve(request);
      const { findings } = await examineIt({ promises: PROMISES.slice(0, 3) });
      expect(findings.map(({ outcome, why }) => [outcome, why])).toEqual([
        ["not tried", `the store answered with ${status}`],
        ["kept", undefined],
        ["kept", undefined],
      ]);
    },
  );

  it("is left alone once the examination is interrupted", async () => {
    between = honest;
    const controller = new AbortController();
    const examined = examineIt({
      onFinding: () => controller.abort(),
      signal: controller.signal,
    });
    const { ended, findings, left } = await examined;
    expect(ended).toBe("it was interrupted");
    expect(findings.map(({ outcome }) => outcome).slice(0, 2)).toEqual(["kept", "not tried"]);
    expect(left).toEqual([]);
  });
});
