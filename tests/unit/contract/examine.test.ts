import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import assert from "node:assert/strict";
import { expect, it } from "vitest";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { CredentialsUnavailable, StoreUnavailable } from "../../../domain/errors.ts";
import { examine, type Examination } from "../../../adapters/contract/running/examine.ts";
import { incoming } from "../../../adapters/contract/promises/incoming.ts";
import { completing } from "../../../adapters/contract/subject/races.ts";
import { send } from "../../../adapters/contract/sending/send.ts";
import { promises } from "../../../adapters/contract/promises/store-promise.ts";
import type { Subject } from "../../../adapters/contract/subject/subject.ts";
import { newKey, PNG } from "../../../adapters/contract/sending/uploads.ts";
import { serve } from "../../support/serve.ts";

// How an examination judges, over a store of which a promise itself decides what it does.

const AWAY = new StoreUnavailable({ kind: "unreachable", reason: "it is away" });

const storeWith = (over: object = {}): Examination["store"] => ({
  name: "a store",
  without: ["two endpoints"],
  open: async () => ({
    bucket: "files",
    layer: Layer.mergeAll(
      Layer.succeed(Presigner, {} as never),
      Layer.succeed(ObjectStore, {
        ensureBucket: Effect.void,
        head: () => Effect.succeed(Option.none()),
        remove: () => Effect.void,
        ...over,
      } as never),
    ),
  }),
});

const multipartOf = ({ store }: Subject) => {
  if (store.parts === undefined) throw new Error("it takes no parts");
  return store.parts;
};

const failingCopy = async ({ copyWaiting }: Subject) => {
  const looked = { etag: "e", size: 1, version: undefined };
  await assert.rejects(copyWaiting(newKey(), looked));
};

/** Examines a store by one promise. */
async function judge(
  check: (subject: Subject) => Promise<void>,
  over: Partial<Examination> = {},
  store = storeWith(),
) {
  const found = await examine({
    store,
    promises: promises([], { "it holds": check }),
    onFinding: () => undefined,
    signal: new AbortController().signal,
    ...over,
  });
  return { ...found.findings[0], left: found.left };
}

it("what was once seen to be broken stays so, if the store does not answer later", async () => {
  let tried = 0;
  const check = async () => {
    tried += 1;
    if (tried > 1) throw AWAY;
    assert.fail("it is broken");
  };
  const decided = { sha256: ["it holds"] };
  const over = { withAbilities: () => storeWith(), decided: decided as never };
  expect(await judge(check, over)).toMatchObject({ outcome: "broken", why: "it is broken" });
  expect(tried).toBeGreaterThan(1);
});

it.each([
  [499, "broken", "it is otherwise"],
  [500, "not tried", "the store answered with 500"],
  [501, "broken", "it is otherwise"],
  [502, "not tried", "the store answered with 502"],
] as const)("a promise that fails after an answer of %i is %s", async (status, outcome, why) => {
  const { origin } = await serve((_, response) => response.writeHead(status).end());
  const check = async () => {
    await send("PUT", `${origin}/a`);
    assert.fail("it is otherwise");
  };
  const found = await judge(check);
  expect(found).toMatchObject({ outcome, why, isUnanswered: outcome === "not tried" });
});

it.each([
  [false, "not tried"],
  [true, "broken"],
] as const)(
  "without credentials, which no wait brings: %s, a promise is %s",
  async (isFinal, is) => {
    const check = () => Promise.reject(new CredentialsUnavailable({ reason: "none", isFinal }));
    expect(await judge(check)).toMatchObject({ outcome: is, why: "none" });
  },
);

it("a promise that is judged sends nothing more, and calls nothing", async () => {
  let asked = 0;
  const { origin } = await serve((_, response) => {
    asked += 1;
    response.end();
  });
  const { promise: judged, resolve: end } = Promise.withResolvers<void>();
  const late: Array<Promise<unknown>> = [];
  const afterwards = (run: () => Promise<unknown>) => judged.then(run).catch(() => "cut");
  const check = async ({ store }: Subject) => {
    late.push(
      afterwards(() => send("PUT", `${origin}/a`)),
      afterwards(() =>
        Effect.runPromise(store.copies?.writeEmpty(newKey() as never) ?? Effect.void),
      ),
    );
    assert.fail("it is broken");
  };
  const store = storeWith({ copies: { writeEmpty: () => Effect.delay(Effect.void, 0) } });
  expect(await judge(check, {}, store)).toMatchObject({ outcome: "broken" });
  end();
  expect(await Promise.all(late)).toEqual(["cut", "cut"]);
  expect(asked).toBe(0);
});

/** A store that lists the uploads which are open, and one that does not. */
const opening = (isListed: boolean) => {
  const open = new Set<string>();
  const begin = ({ key }: { key: string }) => {
    const uploadId = `${key} ${open.size}`;
    open.add(uploadId);
    return uploadId;
  };
  const parts = {
    create: (object: { key: string }) => Effect.sync(() => begin(object)),
    abort: ({ uploadId }: { uploadId: string }) => Effect.sync(() => open.delete(uploadId)),
    listOpen: ({ prefix }: { prefix: string }) =>
      isListed
        ? Effect.sync(() => ({
            found: [...open]
              .filter((each) => each.startsWith(prefix))
              .map((uploadId) => ({ key: uploadId.split(" ")[0], uploadId, age: 0 })),
          }))
        : Effect.fail(AWAY),
  };
  // It begins one of its own, and does not end it.
  const copy = ({ to }: { to: string }) =>
    Effect.andThen(
      Effect.sync(() => begin({ key: to })),
      Effect.fail(AWAY),
    );
  return { open, store: storeWith({ parts, copies: { copy } }) };
};
it("the uploads of an examination are all ended, also several of one key whose store lists none", async () => {
  const { open, store } = opening(false);
  const key = newKey();
  const check = async (subject: Subject) => {
    const create = multipartOf(subject).create({ key, contentType: PNG });
    for (const _ of [1, 2, 3]) await Effect.runPromise(create);
  };
  expect(await judge(check, {}, store)).toMatchObject({ outcome: "kept", left: [] });
  expect([...open]).toEqual([]);
});

it("the uploads of an examination are ended where a copy or a lost answer has begun them", async () => {
  const { open, store } = opening(true);
  expect(await judge(failingCopy, {}, store)).toMatchObject({ outcome: "kept", left: [] });
  expect([...open]).toEqual([]);
});

it("a copy that fails while its upload is not yet replaced fails its promise, and nothing else", async () => {
  const { origin } = await serve((_, response) => response.end());
  const promise = incoming.find(({ title }) => title.includes("is replaced while it is copied"));
  const stub = {
    stored: async () => ({ key: newKey(), put: { url: `${origin}/a`, headers: {} } }),
    head: async () => ({}),
    copyWaiting: () => Promise.reject(AWAY),
  };
  await expect(promise?.check(stub as never)).rejects.toBe(AWAY);
});

const count = (...all: Parameters<typeof completing>[0]) => completing(all, async (at) => at);

const completed = Effect.succeed("completed" as const);

it("completions at once are judged by those that were completed", async () => {
  expect(await count(Effect.fail(AWAY), completed)).toEqual([1]);
  const refused = new StoreUnavailable({ kind: "refused", reason: "no" });
  expect(await count(Effect.succeed("exists"), Effect.fail(refused))).toEqual([]);
});

it("completions at once are not judged if one may be completed whose answer was lost", async () => {
  await expect(count(Effect.fail(AWAY), Effect.succeed("exists"))).rejects.toBe(AWAY);
});
