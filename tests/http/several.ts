import * as Effect from "effect/Effect";
import * as Logger from "effect/Logger";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeApplication } from "../../adapters/service/application.ts";
import { readAll } from "../../adapters/service/settings.ts";
import { RECHECK } from "../../adapters/settings/json-file.ts";
import { walk } from "../../adapters/storage/local/key-tree.ts";
import { StoreName } from "../../domain/place.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { startIssuer } from "../support/issuer.ts";
import { makeFolder } from "../support/make-folder.ts";
import { until } from "../support/until.ts";

const ORIGIN = "http://127.0.0.1:8787";

/** The document of stores, in which each named store is a folder of its own. */
export interface Document {
  readonly stores?: ReadonlyArray<string>;
  readonly organizations?: Readonly<Record<string, unknown>>;
}

/**
 * The whole service with the stores `default`, `eu` and `us` in folders of its own, an issuer of
 * tokens, a document of stores that can be changed, and its log.
 */
export const serving = Effect.fnUntraced(function* (
  first: Document = {},
  env: Readonly<Record<string, string>> = {},
) {
  yield* TestClock.setTime(Date.now());
  const folder = makeFolder();
  const path = join(folder, "stores.json");
  const write = (document: Document | string) => {
    if (typeof document === "string") return writeFileSync(path, document);
    const { stores = ["eu", "us"], organizations = {} } = document;
    const folders = stores.map((name) => [
      name,
      { adapter: "local", directory: join(folder, name) },
    ]);
    writeFileSync(path, JSON.stringify({ stores: Object.fromEntries(folders), organizations }));
  };
  write(first);
  const issuer = yield* Effect.promise(() => startIssuer());
  atTestEnd(issuer.stop);
  const settings = Result.getOrThrow(
    readAll({
      AUTH: "jwt",
      JWT_ISSUER: issuer.url,
      JWT_AUDIENCE: "valetkey",
      JWT_PUBLIC_KEY: issuer.publicPem,
      JWT_STORE_CLAIM: "store",
      JWT_SCOPES_CLAIM: "scope",
      JWT_SERVICE_CLAIM: "gty=client",
      RECEIPT_KEYS: `test:${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64")}`,
      STORAGE_ADAPTER: "local",
      STORAGE_LOCAL_DIR: join(folder, "default"),
      STORES: path,
      ...env,
    }),
  );
  const log: Array<string> = [];
  const { fetch } = yield* makeApplication(settings, undefined, () => false).pipe(
    Effect.provide(Logger.layer([Logger.make(({ message }) => log.push(JSON.stringify(message)))])),
  );
  const isSaid = (said: string, before: number) => () =>
    log.slice(before).some((line) => line.includes(said));
  yield* Effect.promise(() => until("the first look", isSaid("was read", 0)));

  const request = async (address: string, init?: RequestInit) => {
    const url = new URL(address, ORIGIN);
    const [, name = ""] = /^\/stores\/([a-z]+)\//.exec(url.pathname) ?? [];
    // As a bucket, which answers whatever the document says.
    const bucket = settings.several?.stores.get(StoreName.make(name || "none"))?.storage;
    const sent = new Request(url, init);
    return bucket?.fetch?.(sent, noAnnouncement) ?? fetch(sent, { address: "127.0.0.1" });
  };

  /** A caller with these claims; the organization `acme` is org_1, `globex` org_2. */
  const caller = (claims: object = {}, by = issuer.sign) => {
    const signed = by({
      scope: "write read confirm list remove",
      organizations: { acme: "org_1", globex: "org_2" },
      // Years after the clock of the test, whatever it says.
      exp: Math.floor(Date.now() / 1000) + 1e8,
      ...claims,
    });
    const ask = async (address: string, body?: unknown, more: RequestInit = {}) => {
      const answer = await request(address, {
        method: body === undefined ? "GET" : "POST",
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...more,
        headers: {
          Authorization: `Bearer ${await signed}`,
          ...(body !== undefined && { "Content-Type": "application/json" }),
          ...(more.headers as Readonly<Record<string, string>>),
        },
      });
      const text = await answer.text();
      const { status, headers } = answer;
      return { status, headers, body: JSON.parse(text.startsWith("{") ? text : "{}") };
    };
    return {
      ask,
      presign: (slug = "acme", over: object = {}) =>
        ask(`${files(slug)}/presign`, { ...FILE, ...over }),
      confirm: (receipt: string, slug = "acme") => ask(`${files(slug)}/confirm`, { receipt }),
      /** Uploads `text`, of five letters, and confirms it. */
      upload: async (text: string, slug = "acme", over: object = {}) => {
        const { body } = await ask(`${files(slug)}/presign`, { ...FILE, ...over });
        await put(body, text);
        return {
          ...body,
          confirmed: await ask(`${files(slug)}/confirm`, { receipt: body.receipt }),
        };
      },
      /** What the file's own address shows. */
      open: async (address: string) => {
        const { status, headers } = await ask(address);
        return status === 302 ? show(headers.get("location") ?? "") : `${status}`;
      },
      link: async (receipt: string, slug = "acme") =>
        (await ask(`${files(slug)}/links`, { receipt })).body.link_url as string,
    };
  };

  /** Sends `text` to a signed PUT, and gives the status of the answer, or the ETag. */
  const put = async (
    { put_url = "", url = put_url, put_headers = {}, headers = put_headers }: Signed,
    text: string,
  ) => {
    const length = { "Content-Length": String(text.length) };
    const sent = await request(url, {
      method: "PUT",
      headers: { ...headers, ...length },
      body: text,
    });
    return { status: sent.status, etag: sent.headers.get("etag") ?? "" };
  };
  const show = async (url: string) => {
    const answer = await request(url);
    return answer.status === 200 ? answer.text() : `${answer.status}`;
  };
  return {
    log,
    issuer,
    request,
    caller,
    put,
    /** What a stranger sees at an address that redirects to a file. */
    see: async (address: string) => {
      const { status, headers } = await request(address);
      return status === 302 ? show(headers.get("location") ?? "") : `${status}`;
    },
    /** The first five bytes of each object of a store, by the first letters of its key. */
    bytesIn: async (store: string) => {
      const found: Array<string> = [];
      for await (const { key, path } of walk(join(folder, store, "objects"), { prefix: "" })) {
        // Others are notes of the store itself, not objects.
        const [, first] = /^\/files\/(.*?org_\d)/.exec(key) ?? [];
        if (first !== undefined) found.push(`${first} ${readFileSync(path, "utf8").slice(0, 5)}`);
      }
      return found.toSorted();
    },
    /** The document as it is written. */
    text: () => readFileSync(path, "utf8"),
    /** Writes the document, and lets time pass until the log says `said`. */
    change: Effect.fnUntraced(function* (document: Document | string, said = "was read") {
      const before = log.length;
      write(document);
      yield* TestClock.adjust(RECHECK);
      yield* Effect.promise(() => until(said, isSaid(said, before)));
    }),
  };
});

const files = (slug: string) => `/api/v1/orgs/${slug}/files`;

/** A signed PUT, or that of a part. */
interface Signed {
  readonly put_url?: string;
  readonly put_headers?: Readonly<Record<string, string>>;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const noAnnouncement = () => Promise.resolve();

/** A file of five bytes, as a client asks for it. */
export const FILE = { filename: "a.txt", content_type: "text/plain", size: 5 };
