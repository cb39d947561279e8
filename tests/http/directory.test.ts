import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import type { IncomingMessage, ServerResponse } from "node:http";
import { organizationsFromDirectory } from "../../adapters/identity/directory.ts";
import { variables } from "../../adapters/settings/source.ts";
import { read } from "../../adapters/identity/settings.ts";
import { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
import { DEFAULT_SCOPES, type Principal } from "../../domain/principal.ts";
import { serve } from "../support/serve.ts";
import { until } from "../support/until.ts";
import { SERVICE_TOKEN, startService, TOKEN, FILE } from "./service.ts";

/** A directory on this machine, and the questions that it was asked. */
async function startDirectory(
  respond: (response: ServerResponse, request: IncomingMessage) => void,
) {
  const asked: Array<{ readonly url: URL; readonly authorization: string | undefined }> = [];
  const { href } = await serve((request, response) => {
    const url = new URL(request.url ?? "/", "http://directory");
    asked.push({ url, authorization: request.headers.authorization });
    respond(response, request);
  });
  return { asked, url: new URL("membership", href) };
}

const afterTurns = (turns: number, then: () => void): void => {
  if (turns === 0) then();
  else setImmediate(() => afterTurns(turns - 1, then));
};

const json = (response: ServerResponse, body: string, status = 200) =>
  response.writeHead(status, { "Content-Type": "application/json" }).end(body);

const principal = (over: Partial<Principal> = {}): Principal => ({
  kind: "user",
  subject: "user-1",
  scopes: DEFAULT_SCOPES,
  organizations: "every",
  ...over,
});

const ACME = OrganizationSlug.make("acme");

/** The outcome of a look-up: an id, or the reason why there is none. */
const organizations = Effect.fnUntraced(function* (settings: {
  readonly url: URL;
  readonly token?: Redacted.Redacted;
}) {
  const { resolve } = yield* organizationsFromDirectory(settings);
  return (over: Partial<Principal> = {}, slug = "acme") =>
    resolve(principal(over), OrganizationSlug.make(slug)).pipe(
      Effect.map((id): string => id),
      Effect.catch(({ _tag }) => Effect.succeed(_tag)),
    );
});

/** The place that the directory names for org_1, to a caller or to nobody, or why it names none. */
const places = Effect.fnUntraced(function* (url: URL, capacity?: number) {
  const { resolve, placeOf } = yield* organizationsFromDirectory({ url }, capacity);
  const asCaller = { principal: principal(), slug: ACME };
  const ask = (caller?: typeof asCaller, id = "org_1") =>
    placeOf({ organization: OrganizationId.make(id), caller }).pipe(
      Effect.catch(({ _tag }) => Effect.succeed(_tag)),
    );
  return {
    asMember: Effect.andThen(Effect.ignore(resolve(asCaller.principal, ACME)), ask(asCaller)),
    asNobody: (id?: string) => ask(undefined, id),
  };
});

const started = (...of: Parameters<typeof startDirectory>) =>
  Effect.promise(() => startDirectory(...of));

it.effect(
  "the directory is asked with the organization's name, the caller and the token, whatever the characters",
  () =>
    Effect.gen(function* () {
      const { asked, url } = yield* started((response) => json(response, '{"id": "org_1"}'));
      const token = Redacted.make("the-token-of-the-directory");
      const resolve = yield* organizations({ url, token });
      const subjects = [
        "user-1",
        "auth0|5f7c8ec7",
        "a&slug=globex",
        "a=b#c?d%20e%2526+f",
        "ünïcode 用户 😀",
        "a/b\\c\"d'e",
        "a b",
      ];
      for (const subject of subjects) expect(yield* resolve({ subject })).toBe("org_1");
      expect(asked.map(({ url }) => url.pathname)).toEqual(subjects.map(() => "/membership"));
      expect(asked.map(({ url }) => [...url.searchParams])).toEqual(
        subjects.map((subject) => [
          ["slug", "acme"],
          ["subject", subject],
        ]),
      );
      expect(new Set(asked.map(({ authorization }) => authorization))).toEqual(
        new Set(["Bearer the-token-of-the-directory"]),
      );
    }),
);

it.effect(
  "the directory is asked at most 32 questions at a time, however many names are invented",
  () =>
    Effect.gen(function* () {
      const held: Array<ServerResponse> = [];
      let most = 0;
      let left = 100;
      const release = () => {
        for (const response of held.splice(0)) {
          left--;
          json(response, "", 404);
        }
      };
      const { asked, url } = yield* started((response) => {
        most = Math.max(most, held.push(response));
        // Any further question has time to arrive before these are answered.
        if (held.length === Math.min(32, left)) afterTurns(50, release);
      });
      const resolve = yield* organizations({ url });
      const names = Array.from({ length: 100 }, (_, n) => `made-up-${n}`);
      const answers = yield* Effect.forEach(names, (name) => resolve({ subject: name }, name), {
        concurrency: "unbounded",
      });
      expect(new Set(answers)).toEqual(new Set(["OrganizationNotFound"]));
      expect([asked.length, most]).toEqual([100, 32]);
    }),
);

it.effect(
  "the organization of one caller is found while invented names of another caller wait",
  () =>
    Effect.gen(function* () {
      let isStalled = true;
      const { asked, url } = yield* started((response, request) => {
        if (!request.url?.includes("subject=mallory")) json(response, '{"id": "org_1"}');
        else if (!isStalled) json(response, "", 404);
      });
      const resolve = yield* organizations({ url });
      const flood = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 600 }, (_, n) => `made-up-${n}`),
          (name) => resolve({ subject: "mallory" }, name),
          { concurrency: "unbounded" },
        ),
      );
      yield* Effect.promise(() => until("the stalled questions", () => asked.length === 4));
      for (const subject of ["user-1", "user-2", "user-3"]) {
        expect(yield* resolve({ subject })).toBe("org_1");
      }
      expect(asked).toHaveLength(4 + 3);
      // A question beyond those that may wait is refused at once, and the refusal is not cached.
      expect(yield* resolve({ subject: "mallory" }, "one-more")).toBe("IdentityUnavailable");
      expect(flood.pollUnsafe(), "what waits has not timed out yet").toBeUndefined();
      yield* TestClock.adjust("2 seconds");
      expect(new Set(yield* Fiber.join(flood))).toEqual(new Set(["IdentityUnavailable"]));
      expect(asked, "what waited too long was never asked").toHaveLength(4 + 3);
      isStalled = false;
      expect(yield* resolve({ subject: "mallory" }, "one-more")).toBe("OrganizationNotFound");
    }),
);

it.effect(
  "a question to the directory is refused at once while 1024 others wait, whoever asks, and asked once they have left",
  () =>
    Effect.gen(function* () {
      let isStalled = true;
      const { asked, url } = yield* started((response) => {
        if (!isStalled) json(response, '{"id": "org_1"}');
      });
      const resolve = yield* organizations({ url });
      const flood = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 1024 }, (_, n) => `user-${n}`),
          (subject) => resolve({ subject }),
          { concurrency: "unbounded" },
        ),
      );
      yield* Effect.promise(() => until("the stalled questions", () => asked.length === 32));
      expect(yield* resolve({ subject: "one-more" })).toBe("IdentityUnavailable");
      yield* Fiber.interrupt(flood);
      isStalled = false;
      expect(yield* resolve({ subject: "one-more" })).toBe("org_1");
      expect(asked).toHaveLength(33);
    }),
);

it.effect.each([
  [200, '{"id": "org_1"}', "org_1"],
  [404, "", "OrganizationNotFound"],
] as const)(
  "the directory's answer %i %s is cached for a minute, apart for each caller and each name",
  ([status, body, outcome]) =>
    Effect.gen(function* () {
      const { asked, url } = yield* started((response) => json(response, body, status));
      const resolve = yield* organizations({ url });
      expect(yield* resolve()).toBe(outcome);
      yield* TestClock.adjust("59 seconds");
      expect(yield* resolve()).toBe(outcome);
      expect(asked).toHaveLength(1);
      expect(yield* resolve({ subject: "user-2" })).toBe(outcome);
      expect(yield* resolve({}, "globex")).toBe(outcome);
      expect(asked).toHaveLength(3);
      yield* TestClock.adjust("1 second");
      expect(yield* resolve()).toBe(outcome);
      expect(asked).toHaveLength(4);
      // These read the same when they are joined.
      yield* resolve({ subject: 'x","y' }, "a");
      yield* resolve({ subject: "x" }, "a");
      yield* resolve({ subject: "a x" }, "a");
      expect(asked).toHaveLength(7);
    }),
);

it.effect(
  "the directory is asked once for all requests that have the same question at the same time",
  () =>
    Effect.gen(function* () {
      const { asked, url } = yield* started((response) => json(response, '{"id": "org_1"}'));
      const resolve = yield* organizations({ url });
      const outcomes = yield* Effect.all(
        Array.from({ length: 20 }, () => resolve()),
        { concurrency: "unbounded" },
      );
      expect(new Set(outcomes)).toEqual(new Set(["org_1"]));
      expect(asked).toHaveLength(1);
    }),
);

it.effect(
  "an organization stays closed to a caller whose identity does not list it, whatever the directory says",
  () =>
    Effect.gen(function* () {
      const { url } = yield* started((response) => json(response, '{"id": "org_1"}'));
      const resolve = yield* organizations({ url });
      const vouched = new Map([[ACME, OrganizationId.make("acme")]]);
      expect(yield* resolve({ organizations: vouched })).toBe("org_1");
      expect(yield* resolve({ organizations: vouched }, "globex")).toBe("OrganizationNotFound");
    }),
);

const unavailable: ReadonlyArray<[string, (response: ServerResponse) => void]> = [
  ["500", (response) => json(response, '{"id": "org_1"}', 500)],
  ["201", (response) => json(response, '{"id": "org_1"}', 201)],
  ["HTML", (response) => json(response, "<html></html>")],
  ["an object without an id", (response) => json(response, '{"name": "org_1"}')],
  ["an id that is a path", (response) => json(response, '{"id": "../org_2"}')],
  [
    "text that is not UTF-8",
    (response) =>
      void response.writeHead(200).end(Buffer.from('{"id": "org_1", "name": "\xfc"}', "latin1")),
  ],
  ["300 kB", (response) => json(response, `{"id": "org_1", "x": "${"x".repeat(300_000)}"}`)],
  [
    "half a body",
    (response) => void response.writeHead(200).write('{"id":', () => response.destroy()),
  ],
  ["the end of the connection", (response) => void response.destroy()],
];

it.effect.each(unavailable)(
  "a directory that answers with %s is unavailable, and is asked again a second later",
  ([, respond]) =>
    Effect.gen(function* () {
      let isMended = false;
      const { asked, url } = yield* started((response) =>
        isMended ? json(response, '{"id": "org_1"}') : respond(response),
      );
      const resolve = yield* organizations({ url });
      expect(yield* resolve()).toBe("IdentityUnavailable");
      isMended = true;
      yield* TestClock.adjust("999 millis");
      expect(yield* resolve()).toBe("IdentityUnavailable");
      expect(asked).toMatchObject([{ authorization: undefined }]);
      yield* TestClock.adjust("1 milli");
      expect(yield* resolve()).toBe("org_1");
    }),
);

it.effect("a redirect by the directory is not followed", () =>
  Effect.gen(function* () {
    const { asked, url } = yield* started((response, request) =>
      request.url?.startsWith("/elsewhere")
        ? json(response, '{"id": "org_1"}')
        : response.writeHead(307, { Location: "/elsewhere" }).end(),
    );
    const resolve = yield* organizations({ url, token: Redacted.make("secret") });
    expect(yield* resolve()).toBe("IdentityUnavailable");
    expect(asked.map(({ url }) => url.pathname)).toEqual(["/membership"]);
  }),
);

it.effect.each<[string, (response: ServerResponse) => void]>([
  ["nothing", () => undefined],
  ["only headers", (response) => response.writeHead(200).flushHeaders()],
  ["a part of the body", (response) => void response.writeHead(200).write('{"id"')],
])("a directory that sends %s is waited for 2 seconds", ([, respond]) =>
  Effect.gen(function* () {
    let isLeft = false;
    const { asked, url } = yield* started((response) => {
      response.on("close", () => (isLeft = true));
      respond(response);
    });
    const resolve = yield* organizations({ url });
    const outcome = yield* Effect.forkChild(resolve());
    yield* Effect.promise(() => until("the question", () => asked.length > 0));
    yield* TestClock.adjust("1999 millis");
    expect(outcome.pollUnsafe()).toBeUndefined();
    yield* TestClock.adjust("1 milli");
    expect(yield* Fiber.join(outcome)).toBe("IdentityUnavailable");
    // Nor is the connection kept for an answer that nobody waits for.
    yield* Effect.promise(() => until("the end of it", () => isLeft));
  }),
);

it.effect.each([
  ['{"id": "org_1"}', undefined],
  ['{"id": "org_1", "store": "eu"}', { store: "eu" }],
  [
    '{"id": "org_1", "store": "eu", "from": "default", "plan": 5}',
    { store: "eu", from: "default" },
  ],
  ['{"id": "org_1", "store": "EU"}', "IdentityUnavailable"],
  ['{"id": "org_1", "store": null}', "IdentityUnavailable"],
  ['{"id": "org_1", "store": ["eu"]}', "IdentityUnavailable"],
  ['{"id": "org_1", "from": "us"}', "IdentityUnavailable"],
  ['{"id": "org_1", "store": "eu", "from": "eu"}', "IdentityUnavailable"],
  ['{"id": "org_1", "store": "eu", "from": ""}', "IdentityUnavailable"],
] as const)(
  "of the directory's answer %s, the place is told to callers and strangers alike",
  ([body, place]) =>
    Effect.gen(function* () {
      const { asked, url } = yield* started((response) => json(response, body));
      const { asMember, asNobody } = yield* places(url);
      expect(yield* asMember).toEqual(place);
      expect(yield* asNobody()).toEqual(place);
      expect(asked.map(({ url }) => url.search)).toEqual([
        "?slug=acme&subject=user-1",
        "?id=org_1",
      ]);
    }),
);

it.effect(
  "an organization is admitted whatever its directory says of stores, which may be none",
  () =>
    Effect.gen(function* () {
      const { url } = yield* started((response) => json(response, '{"id": "org_1", "store": {}}'));
      expect(yield* (yield* organizations({ url }))()).toBe("org_1");
    }),
);

it.effect(
  "a directory that answers with another organization than it was asked about places none",
  () =>
    Effect.gen(function* () {
      const { url } = yield* started((response) =>
        json(response, '{"id": "org_2", "store": "eu"}'),
      );
      const { asMember, asNobody } = yield* places(url);
      expect([yield* asMember, yield* asNobody()]).toEqual([
        "IdentityUnavailable",
        "IdentityUnavailable",
      ]);
    }),
);

it.effect(
  "a directory that changes its mind is believed a minute later, and knows no 404 as a place",
  () =>
    Effect.gen(function* () {
      let answer = ["200", '{"id": "org_1", "store": "eu"}'];
      const { asked, url } = yield* started((response) =>
        json(response, answer[1] ?? "", Number(answer[0])),
      );
      const { asMember, asNobody } = yield* places(url);
      const both = Effect.all([asMember, asNobody()]);
      expect(yield* both).toEqual([{ store: "eu" }, { store: "eu" }]);
      answer = ["200", '{"id": "org_1", "store": "us"}'];
      yield* TestClock.adjust("59 seconds");
      expect(yield* both).toEqual([{ store: "eu" }, { store: "eu" }]);
      expect(asked).toHaveLength(2);
      yield* TestClock.adjust("1 second");
      expect(yield* both).toEqual([{ store: "us" }, { store: "us" }]);
      answer = ["404", ""];
      yield* TestClock.adjust("1 minute");
      expect(yield* both).toEqual(["IdentityUnavailable", undefined]);
    }),
);

it.effect(
  "strangers who invent ids ask at most 4 questions at a time, wait with 64, and keep no member waiting",
  () =>
    Effect.gen(function* () {
      const { asked, url } = yield* started((response, request) => {
        if (request.url?.includes("slug=")) json(response, '{"id": "org_1", "store": "eu"}');
      });
      const { asMember, asNobody } = yield* places(url);
      const flood = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 5000 }, (_, n) => `made-up-${n}`),
          asNobody,
          { concurrency: "unbounded" },
        ),
      );
      yield* Effect.promise(() => until("the stalled questions", () => asked.length === 4));
      expect(yield* asMember).toEqual({ store: "eu" });
      expect(asked).toHaveLength(4 + 1);
      yield* TestClock.adjust("2 seconds");
      expect(new Set(yield* Fiber.join(flood))).toEqual(new Set(["IdentityUnavailable"]));
      expect(asked, "what waited too long was never asked").toHaveLength(4 + 1);
    }),
);

it.effect("however many ids strangers invent, what is known of members is not asked again", () =>
  Effect.gen(function* () {
    const { asked, url } = yield* started((response, request) => {
      const isMember = request.url?.includes("slug=") === true;
      json(response, '{"id": "org_1", "store": "eu"}', isMember ? 200 : 404);
    });
    const { asMember, asNobody } = yield* places(url, 10);
    yield* asMember;
    const ids = Array.from({ length: 20 }, (_, n) => `made-up-${n}`);
    yield* Effect.forEach(ids, asNobody);
    expect(asked).toHaveLength(1 + ids.length);
    expect(yield* asMember).toEqual({ store: "eu" });
    expect(asked).toHaveLength(1 + ids.length);
  }),
);

it("the service answers with what the directory says: an id, 404, or 503 without its address", async () => {
  const { url } = await startDirectory((response, request) => {
    const slug = new URL(request.url ?? "", "http://directory").searchParams.get("slug");
    if (slug === "acme") json(response, '{"id": "org_7"}');
    else json(response, "{}", slug === "globex" ? 404 : 500);
  });
  const identity = Result.getOrThrow(
    read(
      variables({
        DEV_TOKEN: TOKEN,
        DEV_SERVICE_TOKEN: SERVICE_TOKEN,
        ORGANIZATIONS_URL: url.href,
      }),
    ),
  );
  const { send } = await startService({ identity });
  const ask = (slug: string) => send(`/api/v1/orgs/${slug}/files/presign`, FILE);
  expect((await ask("acme")).body.key).toMatch(/^orgs\/org_7\//);
  expect((await ask("globex")).status).toBe(404);
  const { status, headers, body } = await ask("initech");
  expect([status, body.code]).toEqual([503, "IDENTITY_UNAVAILABLE"]);
  expect(headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
  expect(JSON.stringify(body)).not.toContain(url.host);
});
