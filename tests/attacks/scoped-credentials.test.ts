import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import { describe, expect, it, onTestFinished } from "vitest";
import { reaching } from "../../adapters/contract/scoped/s3-reach.ts";
import {
  callIn,
  fill,
  OBJECT_CALLS,
  SPELLED_PATHS,
} from "../../adapters/contract/scoped/s3-calls.ts";
import { send } from "../../adapters/contract/sending/send.ts";
import { type Caller, sendSigned } from "../../adapters/contract/sending/signed-call.ts";
import { newSubject, openStore } from "../../adapters/contract/subject/subject.ts";
import { PROVIDERS } from "../../adapters/storage/s3/providers.ts";
import { AWS4_HMAC_SHA256 } from "../../adapters/storage/signing/algorithms.ts";
import { signQuery } from "../../adapters/storage/signing/sign-query.ts";
import { sweepUploads } from "../../application/files/sweep-uploads.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { isIncomingKey } from "../../domain/storage-key.ts";
import { CREDENTIALS, startWithCredentials, TOOLS } from "../http/with-credentials.ts";
import { startService } from "../http/service.ts";
import { need } from "../support/need.ts";
import { s3Client, s3Store } from "../support/s3-store.ts";

// What somebody does with temporary credentials for one prefix, and with the request for them, to
// reach more: on a real MinIO, and through the API.

const server = await need("minio");

/** As if the certificate of the server proved it. */
const OFFERED = {
  abilities: new Set([...PROVIDERS.minio.abilities, "scoped credentials" as const]),
};

const outcomeOf = ({ path, code }: { path: string; code?: string }) => [path, code];

/** Settings of a new bucket of the server. */
async function newBucket() {
  if (server === undefined) throw new Error("there is no server");
  const bucket = `attack-${crypto.randomUUID()}`;
  await s3Client(server).makeBucket(bucket);
  const { accessKey, secretKey } = server;
  return { bucket, accessKey, secretKey: Redacted.make(secretKey), certificate: OFFERED };
}

describe.skipIf(server === undefined)("temporary credentials of a real MinIO", () => {
  it("reach nothing by a URL that they sign, in a hundred spellings", async () => {
    const { endpoint = "" } = server ?? {};
    const settings = await newBucket();
    const { close, ...built } = await openStore({ name: "minio" }, async () => ({
      layer: s3Store(endpoint, settings),
      bucket: settings.bucket,
      origins: { public: endpoint, internal: endpoint },
    }));
    onTestFinished(close);
    await reaching(newSubject(built), async ({ granted, values, look }) => {
      const { accessKey, secretKey, sessionToken, region } = granted;
      const keys = { algorithm: AWS4_HMAC_SHA256, accessKey, secretKey, sessionToken };
      const { host } = new URL(endpoint);
      const plain = ["VICTIM", "NEIGHBOUR", "OWN"].flatMap((key) =>
        OBJECT_CALLS.map((line) => callIn(line, { ...values, KEY: fill(key, values) })),
      );
      const spelled = SPELLED_PATHS.flatMap((path) =>
        ["GET", "PUT", "DELETE"].map((method) =>
          callIn(`${method} BUCKET/KEY`, { ...values, KEY: fill(path, values) }, "as written"),
        ),
      );
      const told: Array<string> = [];
      for (const { method, path, query = [], headers = {}, body } of [...plain, ...spelled]) {
        const signed = Object.entries({ ...headers, host }).toSorted(([a], [b]) =>
          a < b ? -1 : 1,
        );
        const at = { method, origin: endpoint, path, query, headers: signed, region };
        const url = signQuery(keys, { ...at, now: Date.now(), expiresIn: 60 });
        const answer = await send(method, url, {
          headers,
          ...(body !== undefined && { body }),
          isAlone: true,
        });
        const text = answer.body.toString();
        if (text.includes("only its organization")) told.push(`${method} ${path}`);
        // A name with dots or slashes of its own may be one below the prefix.
        if (answer.ok && plain.some((each) => each.path === path) && !text.includes("<Error>"))
          told.push(`${method} ${path} ${answer.status}`);
      }
      expect([plain.length + spelled.length > 100, told]).toEqual([true, []]);
      await look();
    });
  });

  it("put nothing in the place of what was examined, under an ETag of their choice", async () => {
    const settings = await newBucket();
    const { client, bucket } = {
      client: s3Client(server ?? { endpoint: "", accessKey: "", secretKey: "" }),
      bucket: settings.bucket,
    };
    let swap: (() => Promise<unknown>) | undefined;
    const storage = s3Store(server?.endpoint ?? "", settings);
    const swapping = Layer.effect(
      ObjectStore,
      Effect.map(ObjectStore, (store) => ({
        ...store,
        ...(store.copies && {
          copies: {
            ...store.copies,
            copy: (upload: Parameters<NonNullable<typeof store.copies>["copy"]>[0]) =>
              Effect.andThen(
                Effect.promise(() =>
                  isIncomingKey(upload.to) ? Promise.resolve() : Promise.resolve(swap?.()),
                ),
                store.copies?.copy(upload) ?? Effect.never,
              ),
          },
        }),
      })),
    ).pipe(Layer.provideMerge(storage));
    const service = await startService({ policies: { tools: TOOLS }, storage: swapping });
    onTestFinished(service.close);
    const { body: given } = await service.send(CREDENTIALS, { policy: "tools" });
    const tool: Caller = {
      endpoint: given.endpoint,
      region: given.region,
      accessKey: given.access_key_id,
      secretKey: given.secret_access_key,
      sessionToken: given.session_token,
    };
    const put = (body: string) =>
      sendSigned(tool, {
        ...callIn("PUT BUCKET/KEY", { BUCKET: bucket, KEY: `${given.prefix}a.txt` }),
        headers: { "x-minio-source-etag": "0123456789abcdef0123456789abcdef" },
        body,
      });
    expect((await put("examined")).status).toBe(200);
    swap = () => put("replaced");
    const { status, body } = await service.send(`${CREDENTIALS}/complete`, { grant: given.grant });
    expect([status, body.refused]).toEqual([200, []]);
    const stored = await client.getObject(bucket, body.files[0].key);
    expect((await stored.toArray()).join("")).toBe("examined");
  });

  it("make no files without end of objects whose times they choose", async () => {
    const settings = await newBucket();
    const { bucket } = settings;
    const service = await startService({
      policies: { tools: TOOLS },
      usage: { bytes: 20 },
      storage: s3Store(server?.endpoint ?? "", settings),
    });
    onTestFinished(service.close);
    const { body: given } = await service.send(CREDENTIALS, { policy: "tools", max_bytes: 12 });
    const put = async (name: string, time = "2026-01-01T00:00:00.000000000Z") => {
      const tool = {
        endpoint: given.endpoint,
        region: given.region,
        accessKey: given.access_key_id,
        secretKey: given.secret_access_key,
        sessionToken: given.session_token,
      };
      const { status } = await sendSigned(tool, {
        ...callIn("PUT BUCKET/KEY", { BUCKET: bucket, KEY: `${given.prefix}${name}` }),
        headers: { "x-minio-source-mtime": time },
        body: "0123456789",
      });
      expect(status).toBe(200);
    };
    const complete = async (grant = given.grant) => {
      const { status, body } = await service.send(`${CREDENTIALS}/complete`, { grant });
      expect(status).toBe(200);
      return { next: body.next, answered: [...body.files, ...body.refused].map(outcomeOf) };
    };
    await put("c.txt");
    expect((await complete()).answered).toEqual([["c.txt", undefined]]);
    // Each is the first by its name, and so within what the grant allows.
    await put("b.txt");
    expect((await complete()).answered).toEqual([
      ["b.txt", undefined],
      ["c.txt", "OBJECT_REFUSED"],
    ]);
    await put("a.txt");
    const last = await complete();
    expect(last.answered).toContainEqual(["a.txt", "OBJECT_REFUSED"]);
    for (let { next } = last; next !== undefined;) ({ next } = await complete(next));
    await put("d.txt");
    expect((await complete()).answered).toEqual([["d.txt", "UPLOAD_LATE"]]);
    await put("e.txt", "2100-01-01T00:00:00.000000000Z");
    const swept: Array<string> = [];
    await Effect.runPromiseWith(service.services)(
      sweepUploads(3, ({ key }, remove) =>
        Effect.tap(remove, () => Effect.sync(() => swept.push(key))),
      ),
    );
    expect(swept).toContain(`${given.prefix}e.txt`);
  });
});

describe("a request for temporary credentials", () => {
  const HOSTILE = [
    "../",
    "*",
    "?",
    "${aws:username}",
    "a/../../b",
    "%2e%2e%2f",
    "incoming/*",
    "\u0000",
    "’",
    '","Action":"s3:*',
  ];
  const members = [
    "policy",
    "prefix",
    "bucket",
    "path",
    "key",
    "organization",
    "id",
    "region",
    "endpoint",
    "action",
    "resource",
    "audience",
  ];

  it("reaches no name, action or place of what the store is asked for", async () => {
    const { send: ask, asked, grant } = await startWithCredentials();
    await grant();
    const statuses = new Set<number>();
    for (const text of HOSTILE) {
      for (const member of members) {
        const { status } = await ask(CREDENTIALS, { policy: "tools", [member]: text });
        statuses.add(status);
      }
      for (const each of [{ max_bytes: text }, { expires_in: text }]) {
        statuses.add((await ask(CREDENTIALS, { policy: "tools", ...each })).status);
      }
      const at = CREDENTIALS.replace("acme", encodeURIComponent(text));
      statuses.add((await ask(at, { policy: "tools" })).status);
    }
    for (const number of [0, -1, 1.5, 899, 43_201, 1e21, Number.MAX_SAFE_INTEGER]) {
      statuses.add((await ask(CREDENTIALS, { policy: "tools", expires_in: number })).status);
      statuses.add((await ask(CREDENTIALS, { policy: "tools", max_bytes: number })).status);
    }
    for (const { prefix, lifetime, audience } of asked) {
      expect(prefix).toMatch(
        /^incoming\/credentials\/[\w-]+\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\/$/,
      );
      expect(Number(lifetime.toString().length)).toBeGreaterThan(0);
      expect(["public", "internal"]).toContain(audience);
    }
    expect(new Set(asked.map(({ prefix }) => prefix)).size).toBe(asked.length);
    for (const status of statuses) expect([200, 201, 400, 404, 413, 422, 429]).toContain(status);
  });
});
