import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Layer from "effect/Layer";
import * as Scope from "effect/Scope";
import { connect } from "node:net";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { listenNode } from "../../adapters/http/server/listen-node.ts";
import type { Listening } from "../../adapters/http/server/listen.ts";
import { AWS4_HMAC_SHA256 } from "../../adapters/storage/signing/algorithms.ts";
import { canonicalQuery } from "../../adapters/storage/signing/sign-query.ts";
import { canonicalRequest, stringToSign } from "../../adapters/storage/signing/v4.ts";
import { embeddedStorage } from "../../adapters/storage/local/storage.ts";
import { readChunks } from "../../adapters/storage/local/body.ts";
import { placeOf } from "../../adapters/storage/local/key-tree.ts";
import { objectPath, writeObject } from "../../adapters/storage/local/objects.ts";
import { Presigner, type SignedRequest } from "../../application/ports/presigner.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import { MediaType } from "../../domain/media-type.ts";
import { StorageKey } from "../../domain/storage-key.ts";
import { freePort } from "../support/free-port.ts";
import { send } from "../../adapters/contract/sending/send.ts";
import { makeFolder } from "../support/make-folder.ts";
import { until } from "../support/until.ts";

const lifetime = Lifetime.make(Duration.minutes(1));
const key = StorageKey.make("orgs/acme/files/2026/11/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png");

let directory: string;
let presigner: Presigner["Service"];
let listening: Listening;

beforeEach(async () => {
  directory = makeFolder();
  await open();
});

afterEach(async () => {
  vi.useRealTimers();
  await listening.stop();
});

async function open(at?: number): Promise<void> {
  const port = at ?? (await freePort());
  const { layer, fetch } = storageAt(`http://127.0.0.1:${port}`);
  presigner = await Effect.runPromise(Presigner.pipe(Effect.provide(layer)));
  listening = await listenNode({
    host: "127.0.0.1",
    port,
    fetch: async (request) => fetch(request),
  });
}

const storageAt = (publicUrl: string, folder = directory) =>
  embeddedStorage({ bucket: "files", directory: folder }, new URL(publicUrl));

const signPut = (
  size: number,
  contentType = "image/png",
  writeOnce = false,
): Promise<SignedRequest> =>
  Effect.runPromise(
    presigner.put({
      key,
      contentType: MediaType.make(contentType),
      size: ByteSize.make(size),
      writeOnce,
      strict: false,
      minLifetime: lifetime,
      lifetime,
      audience: "public",
    }),
  );

const signGet = (
  contentType = "image/png",
  responseDisposition = "inline",
): Promise<SignedRequest> =>
  Effect.runPromise(
    presigner.get({
      key,
      lifetime,
      minLifetime: lifetime,
      audience: "public",
      responseMediaType: MediaType.make(contentType),
      responseDisposition,
    }),
  );

const objects = () =>
  readdirSync(join(directory, "objects"), { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name));
const temporary = () => readdirSync(join(directory, "temporary"));

async function store(body: string, contentType?: string) {
  const { url, headers } = await signPut(Buffer.byteLength(body), contentType);
  return send("PUT", url, { headers, body });
}

it.each(["text/html", "image/svg+xml", "application/pdf", "text/javascript"])(
  "an object of the type %s is downloaded and not shown, whatever the URL asks for",
  async (type) => {
    await store("<script>alert(1)</script>", type);
    for (const disposition of ["inline; filename=x", "Inline", ""]) {
      const shown = await send("GET", (await signGet(type, disposition)).url);
      expect(shown.headers["content-disposition"]).toBe("attachment");
    }
    const { headers } = await send("GET", (await signGet(type, "attachment; filename=x")).url);
    expect(headers["content-disposition"]).toBe("attachment; filename=x");
    expect(headers["content-security-policy"]).toBe("sandbox; default-src 'none'");
    expect(headers["x-content-type-options"]).toBe("nosniff");
  },
);

it("an object that was stored as HTML stays an attachment if the URL asks for a picture", async () => {
  await store("<script>alert(1)</script>", "text/html");
  const { headers } = await send("GET", (await signGet("image/png")).url);
  expect(headers["content-disposition"]).toBe("attachment");
});

it("an upload that breaks off leaves neither an object nor the bytes that arrived", async () => {
  const { url, headers } = await signPut(1_000_000);
  const { host, pathname, search } = new URL(url);
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(
    `PUT ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1000000\r\nContent-Type: ${headers["Content-Type"]}\r\n\r\n`,
  );
  socket.write("x".repeat(500_000));
  await until("the upload's start", () => temporary().length > 0);
  socket.destroy();
  await until("the cleaning", () => temporary().length === 0);
  expect(objects()).toEqual([]);
});

it("an upload that is too short does not change the object that exists", async () => {
  await store("the first");
  const { url, headers } = await signPut(20);
  const short = await send("PUT", url, { headers, body: "too short" });
  expect(short.status).toBe(403);
  expect((await send("GET", (await signGet()).url)).body.toString()).toBe("the first");
});

it("a refused upload of half a megabyte is answered, and its connection is used again", async () => {
  const body = "x".repeat(500_000);
  const { url, headers } = await signPut(body.length);
  const { host, hostname, port, pathname, search } = new URL(url);
  const socket = connect(Number(port), hostname);
  let answers = "";
  socket.setEncoding("utf8").on("data", (text: string) => (answers += text));
  for (const [type, answer] of [
    ["text/html", "SignatureDoesNotMatch"],
    [headers["Content-Type"], "HTTP/1.1 200"],
  ] as const) {
    answers = "";
    socket.write(
      `PUT ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\nContent-Type: ${type}\r\n\r\n${body}`,
    );
    await until(answer, () => answers.includes(answer));
  }
  socket.destroy();
});

it("the embedded store takes no POST, to its bucket or to an object", async () => {
  const { url, headers } = await signPut(1);
  for (const address of [url, url.replace(/orgs\/.*/, "")]) {
    const { status, headers: answered } = await send("POST", address, { headers, body: "x" });
    expect([status, answered["allow"]]).toEqual([405, "PUT, GET, HEAD"]);
  }
  expect(objects()).toEqual([]);
});

/** Leaves a file as a crash would, last written some minutes ago. */
const leave = (name: string, minutes: number) => {
  const path = join(directory, "temporary", name);
  writeFileSync(path, "x");
  const then = Date.now() / 1000 - minutes * 60;
  utimesSync(path, then, then);
};

/** A body without an end: a byte every `pause` milliseconds, or no byte at all. */
function endless(pause: number | undefined): ReadableStream<Uint8Array> {
  let timer: ReturnType<typeof setInterval> | undefined;
  return new ReadableStream({
    start: (controller) => {
      if (pause !== undefined) {
        timer = setInterval(() => controller.enqueue(new Uint8Array(1)), pause);
      }
    },
    cancel: () => clearInterval(timer),
  });
}

it.each([
  ["the next piece of its body", { piece: 20, whole: 10_000 }, undefined],
  ["its whole body", { piece: 10_000, whole: 50 }, 5],
])("an upload is ended when %s takes too long, and leaves nothing", async (_, timeouts, pause) => {
  const folder = {
    objects: join(directory, "objects"),
    temporary: join(directory, "temporary"),
    uploads: join(directory, "uploads"),
    secretKey: "",
  };
  const writing = writeObject(folder, {
    path: () => objectPath(folder, "any"),
    contentType: "image/png",
    size: 1_000_000,
    writeOnce: false,
    bytes: readChunks(endless(pause), timeouts),
  });
  await expect(writing).rejects.toMatchObject({ code: "RequestTimeout" });
  expect([...objects(), ...temporary()]).toEqual([]);
});

it.each([true, false])(
  "a failing disk is answered with 503, and not as an object that exists (write once: %s)",
  async (writeOnce) => {
    const { url, headers } = await signPut(1, "image/png", writeOnce);
    renameSync(join(directory, "objects"), join(directory, "away"));
    const answer = await send("PUT", url, { headers, body: "x" });
    expect([answer.status, codeOf(answer)]).toEqual([503, "ServiceUnavailable"]);
    expect(temporary()).toEqual([]);
  },
);

it("an object that is replaced while it is read is always there, with all its bytes", async () => {
  const bodies = ["first".repeat(100), "second".repeat(100)];
  await store(bodies[0] ?? "");
  const writing = (async () => {
    for (let turn = 1; turn <= 100; turn++) {
      expect((await store(bodies[turn % 2] ?? "")).status).toBe(200);
    }
  })();
  const answers: Array<readonly [status: number | undefined, body: string]> = [];
  for (let turn = 0; turn < 50; turn++) {
    // One lives for a minute.
    const { url } = await signGet();
    const read = await Promise.all(Array.from({ length: 10 }, () => send("GET", url)));
    answers.push(...read.map(({ status, body }) => [status, body.toString()] as const));
  }
  await writing;
  const wrong = answers.filter(([status, body]) => status !== 200 || !bodies.includes(body));
  expect(wrong).toEqual([]);
});

describe.skipIf(!existsSync("/proc/self/fd"))("an object that is not sent", () => {
  it.each([
    ["a range outside of the object", 416, { Range: "bytes=10-" }],
    ["an object that the client has already", 304, { "If-None-Match": "*" }],
  ])("a request for %s leaves no file open", async (_, status, headers) => {
    await store("abcdefghij");
    const { url } = await signGet();
    expect((await send("GET", url, { headers })).status).toBe(status);
    expect(openObjects()).toEqual([]);
  });
});

/** The objects that this process has open. (Later the garbage collector would close them too.) */
const openObjects = () =>
  readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(join(directory, "objects", "/")) ? [path] : [];
    } catch {
      // This was the descriptor of the listing itself.
      return [];
    }
  });

it("the store's folder keeps its secret readable for its owner alone, also when the store restarts", async () => {
  const secret = readFileSync(join(directory, "secret"), "utf8");
  expect(statSync(join(directory, "secret")).mode & 0o777).toBe(0o600);
  await store("kept");
  await listening.stop();
  await open();
  expect(readFileSync(join(directory, "secret"), "utf8")).toBe(secret);
  expect((await send("GET", (await signGet()).url)).body.toString()).toBe("kept");
});

it.each(["../../outside", "/etc/passwd", "..", "a/../../b", "A:\\b\0", "CON", "x".repeat(80)])(
  "the key %j names one file, below the store's folder",
  (key) => {
    const place = relative("/objects", placeOf("/objects", key));
    expect(place).toMatch(/^(?:[a-z0-9_%-]{1,254}\/)+[a-z0-9_%-]{1,254}$/);
    expect(decodeURIComponent(place.replaceAll("/", ""))).toBe(`${key}\0`);
  },
);

it("the store's folder cannot be left through a symbolic link in the place of an object", async () => {
  await store("mine");
  const [path = ""] = objects();
  // The link leads to a valid object, so that only the link can be the reason for a refusal.
  const outside = join(directory, "outside");
  renameSync(path, outside);
  const content = readFileSync(outside);
  symlinkSync(outside, path);
  expect((await send("GET", (await signGet()).url)).status).not.toBe(200);
  expect((await store("replaced")).status).toBe(200);
  expect(readFileSync(outside).equals(content)).toBe(true);
  expect((await send("GET", (await signGet()).url)).body.toString()).toBe("replaced");
});

it("the store's folder is refused if a folder in it is a link", async () => {
  const other = makeFolder();
  mkdirSync(join(other, "elsewhere"));
  symlinkSync(join(other, "elsewhere"), join(other, "objects"));
  const refusal = await Effect.runPromise(
    Presigner.pipe(Effect.provide(storageAt("http://127.0.0.1", other).layer), Effect.flip),
  );
  expect(refusal.reason).toContain("is a link, not a folder");
});

it("the store's folder loses the leftovers of a crash at start, and keeps what an upload may still write", async () => {
  leave("old", 6);
  leave("young", 4);
  await listening.stop();
  await open();
  expect(temporary()).toEqual(["young"]);
});

it("the store's folder loses leftovers each minute while the store is open", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const scope = await Effect.runPromise(Scope.make());
  await Effect.runPromise(Layer.buildWithScope(storageAt("http://127.0.0.1").layer, scope));
  leave("old", 6);
  leave("young", 4);
  vi.advanceTimersByTime(60_000);
  await until("the clearing", () => temporary().length === 1);
  expect(temporary()).toEqual(["young"]);
  await Effect.runPromise(Scope.close(scope, Exit.void));
  expect(vi.getTimerCount()).toBe(0);
});

/** The code and the message of a refusal by the store. */
const codeOf = ({ body }: Awaited<ReturnType<typeof send>>) =>
  /<Code>(\w+)<\/Code>/.exec(body.toString())?.[1];
const reasonOf = ({ body }: Awaited<ReturnType<typeof send>>) =>
  /<Message>(.+)<\/Message>/.exec(body.toString())?.[1];

/**
 * Signs a URL with changed parameters with the folder's own secret, so that the signature is correct
 * and only the check that is tested can refuse it.
 */
function signAgain(url: URL, headers: Readonly<Record<string, string>>): string {
  const { searchParams } = url;
  const timestamp = searchParams.get("X-Amz-Date") ?? "";
  const signedHeaders = searchParams.get("X-Amz-SignedHeaders") ?? "";
  const day = timestamp.slice(0, 8);
  const secret = readFileSync(join(directory, "secret"), "utf8");
  const sent = new Headers({ host: url.host, "content-length": "1", ...headers });
  searchParams.delete("X-Amz-Signature");
  const signature = AWS4_HMAC_SHA256.signer(
    secret,
    day,
    "local",
  )(
    stringToSign({
      algorithm: AWS4_HMAC_SHA256,
      timestamp,
      scope: AWS4_HMAC_SHA256.scope(day, "local"),
      canonicalRequest: canonicalRequest({
        method: "PUT",
        path: url.pathname,
        query: canonicalQuery([...searchParams]),
        headers: signedHeaders
          .split(";")
          .map((name) => [name, (/^[\w-]+$/.test(name) && sent.get(name)) || ""] as const),
        signedHeaders,
      }),
    }),
  );
  searchParams.set("X-Amz-Signature", signature);
  return url.href;
}

it.each([
  ["X-Amz-Date", "20260101", "AuthorizationQueryParametersError"],
  ["X-Amz-Date", "20261332T250000Z", "AuthorizationQueryParametersError"],
  ["X-Amz-Expires", "0", "AuthorizationQueryParametersError"],
  ["X-Amz-Expires", "604801", "AuthorizationQueryParametersError"],
  ["X-Amz-Expires", "9999999", "AuthorizationQueryParametersError"],
  ["X-Amz-Expires", "1e3", "AuthorizationQueryParametersError"],
  ["X-Amz-Expires", "-1", "AuthorizationQueryParametersError"],
  ["X-Amz-Algorithm", "AWS4-HMAC-SHA1", "AuthorizationQueryParametersError"],
  [
    "X-Amz-Credential",
    "valetkey-local/DAY/else/s3/aws4_request",
    "AuthorizationQueryParametersError",
  ],
  [
    "X-Amz-Credential",
    "valetkey-local/20260101/local/s3/aws4_request",
    "AuthorizationQueryParametersError",
  ],
  ["X-Amz-Credential", "valetkey-local", "AuthorizationQueryParametersError"],
  ["X-Amz-Credential", "other/DAY/local/s3/aws4_request", "InvalidAccessKeyId"],
  ["X-Amz-SignedHeaders", "", "AuthorizationQueryParametersError"],
  ["X-Amz-SignedHeaders", "host;;content-type", "AuthorizationQueryParametersError"],
  ["X-Amz-SignedHeaders", "Host;content-type", "AuthorizationQueryParametersError"],
  ["X-Amz-SignedHeaders", "content-type", "SignatureDoesNotMatch"],
  ["X-Amz-SignedHeaders", "content-type;host;range", "SignatureDoesNotMatch"],
])("a correctly signed URL with %s=%s is refused with %s", async (name, value, code) => {
  const signed = await signPut(1);
  const url = new URL(signed.url);
  const day = (url.searchParams.get("X-Amz-Date") ?? "").slice(0, 8);
  const dated = name === "X-Amz-Date" ? value.slice(0, 8) : day;
  url.searchParams.set("X-Amz-Credential", `valetkey-local/${dated}/local/s3/aws4_request`);
  url.searchParams.set(name, value.replace("DAY", day));
  const put = { headers: signed.headers, body: "x" };
  const answer = await send("PUT", signAgain(url, signed.headers), put);
  expect(codeOf(answer)).toBe(code);
  expect(objects()).toEqual([]);
});

it("a URL that signAgain signs without a change is accepted", async () => {
  const signed = await signPut(1);
  const url = signAgain(new URL(signed.url), signed.headers);
  expect(url).toBe(signed.url);
  expect((await send("PUT", url, { headers: signed.headers, body: "x" })).status).toBe(200);
});

it.each([
  [undefined, "AccessDenied"],
  ["", "SignatureDoesNotMatch"],
  ["0".repeat(64), "SignatureDoesNotMatch"],
  ["é".repeat(32), "SignatureDoesNotMatch"],
])("a URL with the signature %j is refused with %s", async (signature, code) => {
  const signed = await signPut(1);
  const url = new URL(signed.url);
  if (signature === undefined) url.searchParams.delete("X-Amz-Signature");
  else url.searchParams.set("X-Amz-Signature", signature);
  const answer = await send("PUT", url.href, { headers: signed.headers, body: "x" });
  expect(codeOf(answer)).toBe(code);
  expect(objects()).toEqual([]);
});

it.each([
  ["a second before it expires is accepted", 59, undefined],
  ["when it expires is refused", 60, "The request has expired."],
  ["15 minutes before it was signed is accepted", -15 * 60, undefined],
  [
    "more than 15 minutes before it was signed is refused",
    -15 * 60 - 1,
    "The request is not valid yet.",
  ],
])("a signed URL that is used %s", async (_, seconds, reason) => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2026, 0, 31, 12) });
  const { url, headers } = await signPut(1);
  vi.setSystemTime(Date.now() + seconds * 1000);
  const answer = await send("PUT", url, { headers, body: "x" });
  expect([answer.status, codeOf(answer), reasonOf(answer)]).toEqual(
    reason === undefined ? [200, undefined, undefined] : [403, "AccessDenied", reason],
  );
});

it("a signature that does not match is refused with the missing header, or with what was received", async () => {
  const { url } = await signPut(1);
  const refusalOf = async (headers: Readonly<Record<string, string>>) =>
    (await send("PUT", url, { headers, body: "x" })).body.toString();
  expect(await refusalOf({})).toContain("The header content-type was signed");
  const other = await refusalOf({ "Content-Type": "text/plain; a=<&>" });
  expect(other).toContain("content-type: text/plain; a=&lt;&amp;&gt;");
  expect(other).toContain("content-length: 1,");
  for (const secret of [readFileSync(join(directory, "secret"), "utf8"), new URL(url).search]) {
    expect(other).not.toContain(secret);
  }
});

it("a signed URL with a parameter given twice is refused", async () => {
  const { url, headers } = await signPut(1);
  const answer = await send("PUT", `${url}&X-Amz-Expires=604800`, { headers, body: "x" });
  expect(answer.status).toBe(400);
});

it("a signature made with another folder's secret is refused", async () => {
  const { url, headers } = await signPut(1);
  await listening.stop();
  rmSync(join(directory, "secret"));
  await open(Number(new URL(url).port));
  const answer = await send("PUT", url, { headers, body: "x" });
  expect(answer.status).toBe(403);
  expect(answer.body.toString()).toContain("<Code>SignatureDoesNotMatch</Code>");
});

it.each([
  ["bytes=0-0", 206, "a"],
  ["bytes=7-", 206, "hij"],
  ["bytes=-3", 206, "hij"],
  ["bytes=-99", 206, "abcdefghij"],
  ["bytes=8-99", 206, "ij"],
  ["bytes=10-", 416, undefined],
  ["bytes=-0", 416, undefined],
  ["bytes=5-4", 200, "abcdefghij"],
  ["bytes=0-1,3-4", 200, "abcdefghij"],
  ["lines=0-1", 200, "abcdefghij"],
])("a range of %s is answered with %d", async (range, status, body) => {
  await store("abcdefghij");
  const answer = await send("GET", (await signGet()).url, { headers: { Range: range } });
  expect(answer.status).toBe(status);
  if (body !== undefined) expect(answer.body.toString()).toBe(body);
});
