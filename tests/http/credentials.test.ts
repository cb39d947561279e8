import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import { TestClock } from "effect/testing";
import { describe, expect, it } from "vitest";
import { tokensOf } from "../../adapters/tokens/tokens.ts";
import { sweepUploads } from "../../application/files/sweep-uploads.ts";
import { forgetOrganization } from "../../application/files/forget-organization.ts";
import type { AuditEvent } from "../../application/ports/audit.ts";
import type { ListedObject } from "../../application/ports/object-store.ts";
import { Scanner, type Verdict } from "../../application/ports/scanner.ts";
import { Policies } from "../../application/ports/policies.ts";
import { type StoreContext, UploadStore } from "../../application/ports/stores.ts";
import { chooseStore } from "../../application/store/choose-store.ts";
import { DEFAULT_STORE, type Place, StoreName } from "../../domain/place.ts";
import { defaultPolicy, type UploadPolicy } from "../../domain/upload-policy.ts";
import { KeyTemplate, parse } from "../../domain/storage-key.ts";
import { OrganizationId } from "../../domain/organization.ts";
import type { UploadEvent } from "../../domain/upload-event.ts";
import { StoreUnavailable } from "../../domain/errors.ts";
import { until } from "../support/until.ts";
import { later } from "../contract/later.ts";
import { as, embedded, FILE, PRESIGN, SERVICE_TOKEN, startService, TOKEN_KEY } from "./service.ts";
import { CREDENTIALS, startWithCredentials, TOOLS, withCredentials } from "./with-credentials.ts";

const USAGE = CREDENTIALS.replace("credentials", "usage");
const EU = StoreName.make("eu");
const keysOf = (files: ReadonlyArray<object>) =>
  files.map((file) => (file as { readonly key: string }).key);
const codes = (refused: ReadonlyArray<{ readonly path: string; readonly code: string }>) =>
  Object.fromEntries(refused.map(({ path, code }) => [path, code]));

it("credentials for one prefix are granted, and what came with them becomes files", async () => {
  const events: Array<UploadEvent> = [];
  const audit: Array<AuditEvent> = [];
  const started = await startWithCredentials({ events, audit });
  const { grant, asked, put, complete, completeAll, listed } = started;
  const granted = await grant({ expires_in: 900 });
  expect(granted).toMatchObject({
    kind: "s3",
    endpoint: "https://store.example.com",
    bucket: "files",
    region: "eu-central-1",
    path_style: true,
    access_key_id: "an-access-key",
    secret_access_key: "a-secret-access-key",
    session_token: "a-session-token",
  });
  expect(Date.parse(granted.complete_until) - Date.parse(granted.expires_at)).toBe(86_400_000);
  expect(granted.prefix).toMatch(/^incoming\/credentials\/org_1\/[0-9a-f-]{36}\/$/);
  expect(asked).toMatchObject([{ prefix: granted.prefix }]);
  await put(`${granted.prefix}a.txt`);
  await put(`${granted.prefix}b/c.png`, "12345", "image/png");
  await put(`${granted.prefix}b/d.exe`, "12345", "application/octet-stream");
  audit.length = 0;
  const { status, body } = await complete(granted.grant);
  expect(status).toBe(200);
  expect(body.files).toMatchObject([
    { path: "a.txt", filename: "a.txt", size: 5, content_type: "text/plain", final: true },
    { path: "b/c.png", filename: "c.png", size: 5, content_type: "image/png" },
  ]);
  expect(body.refused).toMatchObject([{ path: "b/d.exe", code: "UNSUPPORTED_MEDIA_TYPE" }]);
  expect(audit).toMatchObject(
    ["a.txt", "b/c.png"].map((path, at) => ({
      action: "complete-credentials",
      policy: "tools",
      path,
      key: keysOf(body.files)[at],
      size: 5,
    })),
  );
  expect(keysOf((await complete(granted.grant)).body.files)).toEqual(keysOf(body.files));
  expect(await listed(granted.prefix)).toHaveLength(3);
  expect(await completeAll(body.next)).toEqual({ files: [], refused: [] });
  expect(await listed(granted.prefix)).toEqual([]);
  expect(await listed("orgs/org_1/")).toHaveLength(2);
  expect(events.map(({ type }) => type)).toEqual(["upload.confirmed", "upload.confirmed"]);
});

it.each([
  [
    { kind: "gcs", accessToken: Redacted.make("a-token") },
    { kind: "gcs", access_token: "a-token" },
  ],
  [
    { kind: "azure", sas: Redacted.make("sv=1") },
    { kind: "azure", sas: "sv=1" },
  ],
] as const)("credentials of another API have its own secret: %o", async (keys, told) => {
  const storage = withCredentials(embedded().layer, [], keys);
  const { send } = await startService({ policies: { tools: TOOLS }, storage });
  const { body } = await send(CREDENTIALS, { policy: "tools" });
  expect(body).toMatchObject({ ...told, endpoint: "https://store.example.com", bucket: "files" });
  expect(Object.keys(body)).toHaveLength(8);
});

it("credentials live as long as asked, at most as long as the policy allows", async () => {
  const { grant, asked } = await startWithCredentials({
    policies: {
      tools: TOOLS,
      long: { ...TOOLS, putLifetime: TOOLS.getLifetime ?? Duration.days(1) } as typeof TOOLS,
    },
  });
  for (const body of [{ expires_in: 900 }, { expires_in: 43_200 }, {}, { policy: "long" }]) {
    await grant(body);
  }
  expect(asked.map(({ lifetime }) => Duration.toSeconds(lifetime))).toEqual([
    900, 7200, 7200, 43_200,
  ]);
});

it.each([
  [{}, 400, "INVALID_REQUEST"],
  [{ policy: "none" }, 400, "UNKNOWN_POLICY"],
  [{ policy: "files" }, 400, "INVALID_REQUEST"],
  [{ policy: "staff" }, 403, "FORBIDDEN"],
  [{ policy: "tools", expires_in: 899 }, 400, "INVALID_REQUEST"],
  [{ policy: "tools", expires_in: 43_201 }, 400, "INVALID_REQUEST"],
  [{ policy: "tools", expires_in: 900.5 }, 400, "INVALID_REQUEST"],
  [{ policy: "tools", expires_in: "900" }, 400, "INVALID_REQUEST"],
  [{ policy: "tools", max_bytes: 0 }, 400, "INVALID_REQUEST"],
  [{ policy: "tools", prefix: "orgs/" }, 400, "INVALID_REQUEST"],
  [{ policy: "tools", max_bytes: 2 ** 40 }, 429, "QUOTA_EXCEEDED"],
])(
  "a request of %j is refused, and the store is not asked for credentials",
  async (body, status, code) => {
    const { send, asked } = await startWithCredentials({
      policies: { tools: TOOLS, staff: { ...TOOLS, callers: ["service"] } },
      limits: { requests: {}, daily: { bytes: 2 ** 31 } },
    });
    const answer = await send(CREDENTIALS, body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(asked).toEqual([]);
  },
);

describe("a grant that is not the caller's own, or not one", () => {
  const { open, seal } = tokensOf([TOKEN_KEY]);
  const sealed = (token: string, over: object) =>
    seal(
      "credentials",
      JSON.stringify({ ...JSON.parse(Option.getOrThrow(open("credentials", token))), ...over }),
      "encrypted",
    );
  it.each([
    ["of another organization", (grant) => sealed(grant, { o: "org_2" }), 404, "NOT_FOUND"],
    ["of another person", (grant) => sealed(grant, { u: "somebody" }), 404, "NOT_FOUND"],
    ["that is over", (grant) => sealed(grant, { l: Date.now() - 1000 }), 400, "INVALID_GRANT"],
    [
      "of the future",
      (grant) => sealed(grant, { i: Date.now() + 3_600_000 }),
      400,
      "INVALID_GRANT",
    ],
    ["whose policy is gone", (grant) => sealed(grant, { p: "gone" }), 400, "INVALID_REQUEST"],
    ["whose policy gives none", (grant) => sealed(grant, { p: "files" }), 400, "INVALID_REQUEST"],
    ["for no bytes", (grant) => sealed(grant, { m: 0 }), 400, "INVALID_GRANT"],
    ["with a changed letter", (grant) => `${grant.slice(0, -2)}AA`, 400, "INVALID_GRANT"],
    ["that is a receipt", (_, receipt) => receipt, 400, "INVALID_GRANT"],
    [
      "sealed for another purpose",
      (grant) => seal("receipt", Option.getOrThrow(open("credentials", grant))),
      400,
      "INVALID_GRANT",
    ],
    ["that is empty", () => "", 400, "INVALID_GRANT"],
  ] as ReadonlyArray<
    readonly [string, (grant: string, receipt: string) => string, number, string]
  >)("%s is refused", async (_, change, status, code) => {
    const { grant, put, complete, send, listed } = await startWithCredentials();
    const { prefix, grant: token } = await grant();
    await put(`${prefix}a.txt`);
    const { receipt } = (await send(PRESIGN, FILE)).body;
    const answer = await complete(change(token, receipt));
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(await listed("orgs/")).toEqual([]);
    const confirmed = await send(`${PRESIGN.replace("presign", "confirm")}`, { receipt: token });
    expect(confirmed.body.code).toBe("INVALID_RECEIPT");
  });

  it("is completed by a service of the organization, and its end as well", async () => {
    const { grant, put, send } = await startWithCredentials();
    const { prefix, grant: token } = await grant();
    await put(`${prefix}a.txt`);
    const answer = await send(`${CREDENTIALS}/complete`, { grant: token }, as(SERVICE_TOKEN));
    expect(answer.body.files).toMatchObject([{ path: "a.txt" }]);
  });
});

it("bytes are reserved once, and those of files take their place when completing ends", async () => {
  const started = await startWithCredentials({ usage: { bytes: 1000 } });
  const { grant, put, complete, completeAll, send, asked } = started;
  const usage = async () => (await send(USAGE)).body;
  const { prefix, grant: token } = await grant({ max_bytes: 900 });
  expect(await usage()).toMatchObject({ granted: 900, open: 1 });
  await until("the count", async () => (await usage()).known);
  expect(await grant({ max_bytes: 200 })).toMatchObject({ code: "STORAGE_FULL" });
  expect(asked).toHaveLength(1);
  await put(`${prefix}a.txt`);
  await put(`${prefix}b.txt`);
  const { body } = await complete(token);
  expect(await usage()).toMatchObject({ files: 2, bytes: 10 });
  await completeAll(body.next);
  await completeAll(body.next);
  expect(await usage()).toMatchObject({ files: 2, bytes: 10, granted: 0 });
});

it("bytes beyond those granted become no files, in the order of names", async () => {
  const { grant, put, completeAll } = await startWithCredentials();
  const { prefix, grant: token } = await grant({ max_bytes: 12 });
  for (const [name, text] of [
    ["a.txt", "12345"],
    ["b.exe", "1234567890"],
    ["c.txt", "12345678"],
    ["d.txt", "12345"],
    ["e.txt", "12345"],
  ] as const) {
    await put(`${prefix}${name}`, text, name === "b.exe" ? "application/x-a" : "text/plain");
  }
  const { files, refused } = await completeAll(token);
  expect(files.map(({ path }) => path)).toEqual(["a.txt", "d.txt"]);
  expect(codes(refused)).toEqual({
    "b.exe": "UNSUPPORTED_MEDIA_TYPE",
    "c.txt": "OBJECT_REFUSED",
    "e.txt": "OBJECT_REFUSED",
  });
});

it("what is stored after completing began becomes no file, and a file stays what it was", async () => {
  const { grant, put, complete, completeAll, objects, listed } = await startWithCredentials();
  const { prefix, grant: token } = await grant();
  await put(`${prefix}a.txt`);
  const { body: first } = await complete(token);
  const [mark] = await Effect.runPromise(
    objects.list?.objects({ prefix: "incoming/completing/", limit: 1 }) ?? Effect.die("no list"),
  ).then(({ found }) => found);
  const isLater = async (name: string) => {
    const below = { prefix: `${prefix}${name}`, limit: 1 };
    const { found } = await Effect.runPromise(objects.list?.objects(below) ?? Effect.die("none"));
    return (found[0]?.storedAt ?? 0) > (mark?.storedAt ?? Infinity);
  };
  // A store may write times in whole seconds.
  do {
    await put(`${prefix}a.txt`, "replaced");
    await put(`${prefix}b.txt`, "new");
  } while (!((await isLater("a.txt")) && (await isLater("b.txt"))));
  const { body: again } = await complete(token);
  expect(keysOf(again.files)).toEqual(keysOf(first.files));
  expect(again.files).toMatchObject([{ path: "a.txt", size: 5 }]);
  expect(codes(again.refused)).toEqual({ "b.txt": "UPLOAD_LATE" });
  await completeAll(again.next);
  await put(`${prefix}c.txt`, "after the end");
  expect(await completeAll(token)).toMatchObject({ files: [], refused: [{ path: "c.txt" }] });
  expect(await listed("orgs/")).toHaveLength(1);
});

it("an object whose ETag no header can hold is refused, and holds up no other", async () => {
  const started = await startWithCredentials({}, (store) => ({
    ...store,
    list: {
      objects: (below) =>
        Effect.map(store.list?.objects(below) ?? Effect.die("no list"), ({ found, ...page }) => ({
          ...page,
          found: found.map((each) =>
            each.key.endsWith("/a.txt") ? { ...each, etag: '"é"' } : each,
          ),
        })),
    },
  }));
  const { grant, put, completeAll, listed } = started;
  const { prefix, grant: token } = await grant();
  for (const name of ["a.txt", "b.txt"]) await put(`${prefix}${name}`);
  const { files, refused } = await completeAll(token);
  expect(files).toMatchObject([{ path: "b.txt" }]);
  expect(codes(refused)).toEqual({ "a.txt": "UPLOAD_LATE" });
  expect(await listed(prefix)).toEqual([]);
});

it("files keep their keys, and their bytes are freed, after the policy has another key", async () => {
  const { grant, put, complete, completeAll, listed, send, services } = await startWithCredentials({
    usage: { bytes: 1000 },
  });
  const { prefix, grant: token } = await grant({ max_bytes: 900 });
  await put(`${prefix}a.txt`);
  const first = (await complete(token)).body;
  await until("the count", async () => (await send(USAGE)).body.known);
  const policies = Context.get(services, Policies) as Map<string, UploadPolicy>;
  const key = Schema.decodeSync(KeyTemplate)("orgs/{organization}/other/{id}{extension}");
  policies.set("tools", { ...defaultPolicy, ...TOOLS, key });
  expect(keysOf((await complete(token)).body.files)).toEqual(keysOf(first.files));
  await completeAll(token);
  expect(await listed("orgs/org_1/files/")).toHaveLength(1);
  expect(await listed("orgs/org_1/other/")).toEqual([]);
  expect((await send(USAGE)).body).toMatchObject({ files: 1, bytes: 5, granted: 0, open: 0 });
});

it("a file that was removed meanwhile is not made again", async () => {
  const { grant, put, complete, send, listed } = await startWithCredentials();
  const { prefix, grant: token } = await grant();
  await put(`${prefix}a.txt`);
  const [file] = (await complete(token)).body.files;
  await send(new URL(file.file_url).pathname, undefined, { method: "DELETE" });
  expect(codes((await complete(token)).body.refused)).toEqual({ "a.txt": "NOT_FOUND" });
  expect(await listed("orgs/")).toEqual([]);
});

it("of ten thousand objects, each answer lists and answers a hundred", async () => {
  const template = Schema.decodeSync(KeyTemplate)("orgs/{organization}/a/{id}{extension}");
  let [most, under, total] = [0, 0, 0];
  const made = new Set<string>();
  const pages: Array<number> = [];
  const objects = (prefix: string, after: string | undefined, limit: number) => {
    const from = after === undefined ? 0 : Number(after.slice(-9, -4)) + 1;
    const found = Array.from(
      { length: Math.max(0, Math.min(limit, 10_000 - from)) },
      (_, at): ListedObject => ({
        key: `${prefix}${String(from + at).padStart(5, "0")}.txt`,
        size: 5,
        etag: '"a"',
        age: 0,
        storedAt: 0,
      }),
    );
    pages.push(found.length);
    return { found, ...(from + limit < 10_000 && { next: found.at(-1)?.key ?? "" }) };
  };
  const started = await startWithCredentials(
    { policies: { tools: { ...TOOLS, key: template } } },
    (store) => {
      const { list } = store;
      return {
        ...store,
        head: (key) =>
          Effect.suspend(() => {
            most = Math.max(most, ++under);
            const isThere = made.has(key) || key.startsWith("incoming/credentials/");
            const facts = { size: 5, contentType: "text/plain", etag: '"a"' };
            return Effect.as(
              Effect.yieldNow,
              isThere ? Option.some({ ...facts, checksums: {}, extraHeaders: {} }) : Option.none(),
            );
          }).pipe(Effect.ensuring(Effect.sync(() => under--))),
        remove: ({ key }) =>
          Effect.sync(() => void (total += key.startsWith("incoming/credentials/") ? 1 : 0)),
        copies: {
          writeEmpty: store.copies?.writeEmpty ?? (() => Effect.void),
          copy: ({ to }) => Effect.sync(() => (made.add(to), "copied" as const)),
        },
        list: {
          objects: (below) =>
            below.prefix.startsWith("incoming/credentials/")
              ? Effect.succeed(objects(below.prefix, below.after, below.limit))
              : (list?.objects(below) ?? Effect.die("no list")),
        },
      };
    },
  );
  const { grant, completeAll } = started;
  const { files } = await completeAll((await grant()).grant);
  expect(new Set(keysOf(files)).size).toBe(10_000);
  expect([...made].filter((key) => key.startsWith("orgs/"))).toHaveLength(10_000);
  expect(pages.slice(0, 100)).toEqual(Array.from({ length: 100 }, () => 100));
  expect(pages.slice(100)).toEqual(Array.from({ length: 20 }, () => 500));
  expect(total).toBe(10_000);
  expect(most).toBeLessThanOrEqual(8);
});

describe("a store that fails at a call, before or after it", () => {
  it("is asked again, and there is each file once", async () => {
    let [calls, failing, isAfter] = [0, Infinity, false];
    const down = new StoreUnavailable({ kind: "unreachable", reason: "it was killed" });
    const breaking = <A, E>(call: Effect.Effect<A, E>) =>
      Effect.suspend(() => {
        if (calls++ !== failing) return call;
        return isAfter ? Effect.andThen(call, Effect.fail(down)) : Effect.fail(down);
      });
    const events: Array<UploadEvent> = [];
    const started = await startWithCredentials({ events }, (store) => ({
      ...store,
      head: (key) => breaking(store.head(key)),
      remove: (object) => breaking(store.remove(object)),
      ...(store.copies && {
        copies: {
          copy: (upload) => breaking(store.copies?.copy(upload) ?? Effect.die("no copies")),
          writeEmpty: (key) => breaking(store.copies?.writeEmpty(key) ?? Effect.die("no copies")),
        },
      }),
      ...(store.list && {
        list: { objects: (below) => breaking(store.list?.objects(below) ?? Effect.die("no list")) },
      }),
    }));
    const { grant, put, complete, completeAll, listed } = started;
    const run = async () => {
      failing = Infinity;
      const { prefix, grant: token } = await grant();
      for (const name of ["a.txt", "b.txt", "c.exe"]) {
        await put(`${prefix}${name}`, "12345", name === "c.exe" ? "application/x-a" : "text/plain");
      }
      calls = 0;
      return { prefix, token };
    };
    const whole = await run();
    const { files: usual } = await completeAll(whole.token);
    const needed = calls;
    expect(usual).toHaveLength(2);
    for (let at = 0; at < 2 * needed; at++) {
      const before = (await listed("orgs/")).length;
      const { prefix, token } = await run();
      [failing, isAfter] = [Math.floor(at / 2), at % 2 === 1];
      let next: string | undefined = token;
      const files: Array<object> = [];
      const refused: Array<object> = [];
      let failures = 0;
      while (next !== undefined) {
        const { status, body } = await complete(next);
        if (status !== 200) {
          failures += 1;
          continue;
        }
        files.push(...body.files);
        refused.push(...body.refused);
        next = body.next;
      }
      // A call whose failure changes nothing, such as a removal that is left to the sweep.
      expect(failures).toBeLessThanOrEqual(1);
      expect(new Set(keysOf(files)).size).toBe(2);
      expect(refused).toHaveLength(1);
      failing = Infinity;
      expect((await listed("orgs/")).length).toBe(before + 2);
      expect(await listed(prefix)).toEqual([]);
    }
    const confirmed = events.filter(({ type }) => type === "upload.confirmed");
    expect(confirmed).toHaveLength(2 + 2 * 2 * needed);
  });
});

it("two processes that complete one grant at once make each file once", async () => {
  const store = embedded();
  const both = await Promise.all([
    startWithCredentials({}, undefined, store),
    startWithCredentials({}, undefined, store),
  ]);
  const [one] = both;
  const { prefix, grant: token } = await one.grant();
  const names = Array.from({ length: 30 }, (_, at) => `${at}.txt`);
  for (const name of names) await one.put(`${prefix}${name}`);
  const answers = await Promise.all([...both, ...both].map(({ complete }) => complete(token)));
  const [first, ...others] = answers.map(({ body }) => keysOf(body.files));
  expect(new Set(first).size).toBe(30);
  for (const other of others) expect(other).toEqual(first);
  expect(await one.listed("orgs/org_1/")).toHaveLength(30);
  await Promise.all(both.map(({ completeAll }) => completeAll(token)));
  expect(await one.listed(prefix)).toEqual([]);
});

it("an infected file among others is refused, and one whose scan takes long is waited for", async () => {
  const clock = await Effect.runPromise(Effect.scoped(TestClock.make()));
  await Effect.runPromise(clock.setTime(Date.now()));
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  let scans = 0;
  const scan = (open: Effect.Effect<AsyncIterable<Uint8Array>, unknown>) =>
    Effect.flatMap(open, (bytes) =>
      Effect.promise(async (): Promise<Verdict> => {
        scans += 1;
        let text = "";
        for await (const chunk of bytes) text += Buffer.from(chunk).toString();
        if (text === "slow!") {
          reached.resolve();
          await gate.promise;
        }
        return text === "virus" ? { infected: "Eicar" } : "clean";
      }),
    );
  const events: Array<UploadEvent> = [];
  let removals = 0;
  const started = await startWithCredentials(
    {
      events,
      policies: { tools: { ...TOOLS, writeOnce: true, scan: "clamd", onInfected: "delete" } },
    },
    (store) => ({
      ...store,
      remove: (object) => Effect.tap(store.remove(object), () => Effect.sync(() => removals++)),
    }),
    undefined,
    Layer.merge(
      Layer.succeed(Clock.Clock, clock),
      Layer.succeed(Scanner, {
        check: Effect.void,
        scan: (open) => scan(open) as never,
      }),
    ),
  );
  const { grant, put, complete, completeAll, listed } = started;
  const { prefix, grant: token } = await grant();
  for (const name of ["a", "b", "c"]) await put(`${prefix}${name}.txt`);
  await put(`${prefix}d.txt`, "virus");
  await put(`${prefix}e.txt`, "slow!");
  await put(`${prefix}f.txt`);
  const asking = complete(token);
  await reached.promise;
  // The last step of each file; of the infected one there is none.
  await until("the others", () => removals === 4 && events.length === 5);
  await listed(prefix);
  await Effect.runPromise(clock.adjust("15 seconds"));
  const { body } = await asking;
  expect(body.files.map(({ path }: { path: string }) => path)).toEqual(["a.txt", "b.txt", "c.txt"]);
  expect(codes(body.refused)).toEqual({ "d.txt": "UPLOAD_REFUSED_BY_SCAN" });
  expect(JSON.stringify(body)).not.toContain("Eicar");
  expect(body.retry_after).toBe(5);
  const next = complete(body.next);
  gate.resolve();
  const rest = (await next).body;
  expect(rest.files.map(({ path }: { path: string }) => path)).toEqual(["e.txt", "f.txt"]);
  expect(scans).toBe(6);
  // Asked from the beginning, it is the same.
  const again = await complete(token);
  expect(keysOf(again.body.files)).toEqual([...keysOf(body.files), ...keysOf(rest.files)]);
  expect(codes(again.body.refused)).toEqual({ "d.txt": "UPLOAD_REFUSED_BY_SCAN" });
  await completeAll(rest.next);
  expect(await listed(prefix)).toEqual([]);
  expect(events.filter(({ type }) => type === "upload.refused_by_scan")).toHaveLength(1);
});

it("the sweep removes what waited too long, and leaves a grant that runs", async () => {
  let days = 0;
  const { grant, put, complete, listed, services } = await startWithCredentials({}, (store) => ({
    ...store,
    head: (key) => Effect.suspend(() => later(store, days).head(key)),
    list: {
      objects: (below) =>
        Effect.suspend(() => later(store, days).list?.objects(below) ?? Effect.die("no list")),
    },
  }));
  const { prefix, grant: token } = await grant();
  await put(`${prefix}a.txt`);
  await complete(token);
  const sweep = () => Effect.runPromiseWith(services)(sweepUploads(3, (_, remove) => remove));
  days = 2;
  await sweep();
  expect(await listed("incoming/")).toHaveLength(2);
  days = 4;
  await sweep();
  expect(await listed("incoming/")).toEqual([]);
  expect(await listed("orgs/")).toHaveLength(1);
});

it("an organization that is forgotten leaves nothing of its credentials", async () => {
  const { grant, put, complete, listed, services } = await startWithCredentials();
  const { prefix, grant: token } = await grant();
  await put(`${prefix}a.txt`);
  await put(`incoming/credentials/org_12/3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f/of-others.txt`);
  await complete(token);
  const reported: Array<string> = [];
  await Effect.runPromiseWith(services)(
    forgetOrganization({
      organization: OrganizationId.make("org_1"),
      apply: true,
      keepsMarks: false,
      report: ({ key }) => void reported.push(key),
    }),
  );
  expect(reported).toHaveLength(3);
  expect(await listed("incoming/")).toHaveLength(1);
  expect(await listed("orgs/")).toEqual([]);
});

it("a key of a file that came with credentials is one like all others", async () => {
  const { grant, put, complete } = await startWithCredentials();
  const { prefix, grant: token } = await grant();
  await put(`${prefix}a/b.txt`);
  const [key = ""] = keysOf((await complete(token)).body.files);
  expect(Option.isSome(parse(key))).toBe(true);
});

it("a grant is completed in the store in which it began, while its organization moves", async () => {
  const stores = new Map([DEFAULT_STORE, EU].map((name) => [name, embedded()]));
  const contexts = new Map<StoreName, StoreContext>();
  for (const [name, { layer }] of stores) {
    const ports = await Effect.runPromise(Effect.scoped(Layer.build(withCredentials(layer))));
    contexts.set(
      name,
      ports.pipe(
        Context.add(Policies, new Map([["tools", { ...defaultPolicy, ...TOOLS }]])),
        Context.add(UploadStore, name),
      ),
    );
  }
  let place: Place = { store: EU };
  const named = (name: StoreName) =>
    Effect.mapError(
      Effect.fromNullishOr(contexts.get(name)),
      () => new StoreUnavailable({ kind: "refused", reason: "it was taken out" }),
    );
  const chosen = chooseStore({ named, placeOf: () => Effect.succeed(place) });
  const one = await startWithCredentials({ stores: chosen }, undefined, stores.get(DEFAULT_STORE));
  const eu = await startWithCredentials({}, undefined, stores.get(EU));
  const { prefix, grant: token } = await one.grant();
  await eu.put(`${prefix}a.txt`);
  const first = keysOf((await one.complete(token)).body.files);
  expect(first).toHaveLength(1);
  for (const next of [{ store: DEFAULT_STORE, from: EU }, { store: DEFAULT_STORE }]) {
    place = next;
    expect(keysOf((await one.complete(token)).body.files)).toEqual(first);
  }
  expect(await eu.listed("orgs/")).toHaveLength(1);
  expect(await one.listed("orgs/")).toEqual([]);
  contexts.delete(EU);
  expect((await one.complete(token)).body.code).toBe("STORE_UNAVAILABLE");
});
