import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import { useFewHeaders } from "../support/few-headers.ts";
import { freePort } from "../support/free-port.ts";
import { STRICT } from "../support/minio.ts";
import { need } from "../support/need.ts";
import {
  type Change,
  clientOf,
  doctor,
  failures,
  listen,
  makeKeyedBucket,
  newBucket,
  proxy,
  server,
  strict,
} from "./doctor.ts";

// Faults on the way to a real store: other servers, networks, TLS, proxies, and the peers of the service.

const second = await need("minio");
let keyed: Awaited<ReturnType<typeof makeKeyedBucket>>;
/** Answers every request in the same way. */
const always =
  (status: number, headers: Readonly<Record<string, string>>, body: string) =>
  (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(status, headers).end(body);
    return true;
  };

const PAGE = "<!doctype html><title>MinIO Console</title>";

/** A cache that looks at no query. */
const cache = (): Change => {
  const kept = new Map<string, Buffer>();
  return {
    instead: (incoming, response) => {
      const known = incoming.method === "GET" ? kept.get(nameIn(incoming)) : undefined;
      if (known !== undefined) response.end(known);
      return known !== undefined;
    },
    sees: (incoming, answer) => {
      if (incoming.method !== "GET" || answer.statusCode !== 200) return;
      void buffer(answer).then((body) => kept.set(nameIn(incoming), body));
    },
  };
};

const nameIn = ({ url = "" }: IncomingMessage) => url.replace(/\?.*/, "");

describe.skipIf(server === undefined || second === undefined)("valetkey doctor", () => {
  useFewHeaders();
  beforeAll(async () => {
    keyed = await makeKeyedBucket();
  });

  it.each([
    ["a web page", always(200, {}, PAGE), /answered 200 with a web page/, "9000, not 9001"],
    [
      "a redirect to https",
      always(301, { location: "https://files.example/a?b" }, PAGE),
      /redirects to https:\/\/files.example \(301\)/,
      "set STORAGE_ENDPOINT=https://files.example,",
    ],
    [
      "a redirect to a login",
      always(302, { location: "/login" }, ""),
      /redirects to a page of its own/,
      "need no login",
    ],
    [
      "a proxy without a store",
      always(502, {}, "<html>502 Bad Gateway</html>"),
      /answered 502: a proxy is there, and no store/,
      "start the store",
    ],
    [
      "a firewall",
      always(403, {}, "<html>Forbidden</html>"),
      /answered 403, and not as a store: a proxy, a firewall/,
      "let it pass requests with a signed URL",
    ],
    [
      "a server of https",
      always(400, {}, "Client sent an HTTP request to an HTTPS server.\n"),
      /answered 400: it speaks https/,
      "begin with https://",
    ],
    [
      "a server without that path",
      always(404, {}, "404 page not found"),
      /answered 404, and not as a store/,
      "set STORAGE_ENDPOINT to the address of the store's API",
    ],
  ])("names %s that answers instead of the store", async (_, answer, seen, mend) => {
    const { code, found } = await keyed.examine({ STORAGE_ENDPOINT: await listen(answer) });
    expect(found).toEqual([
      expect.objectContaining({
        check: "endpoint",
        seen: expect.stringMatching(seen),
        mend: expect.stringContaining(mend),
      }),
    ]);
    expect(code).toBe(1);
  });

  it("names an answer that begins and does not end, within 15 seconds", async () => {
    const endpoint = await listen((_, response) => {
      response.writeHead(200, { "content-length": "9" }).flushHeaders();
    });
    const report = await keyed.examine({ STORAGE_ENDPOINT: endpoint });
    expect(failures(report)).toEqual([
      expect.stringContaining("the answer began, and did not end within 7 seconds"),
    ]);
  }, 15_000);

  it.each([
    ["https for http", "https", /does not speak TLS/, "use http in STORAGE_ENDPOINT"],
    ["a name that does not exist", "http", /does not resolve/, "correct STORAGE_ENDPOINT"],
  ])("names an endpoint with %s", async (_, scheme, seen, mend) => {
    const { host } = new URL(strict().endpoint);
    const place = scheme === "https" ? host : "store.invalid";
    const { found } = await keyed.examine({ STORAGE_ENDPOINT: `${scheme}://${place}` });
    expect(found).toMatchObject([
      { seen: expect.stringMatching(seen), mend: expect.stringContaining(mend) },
    ]);
  });

  it("names the path style where only a name for the bucket does not resolve", async () => {
    const { found } = await keyed.examine({
      STORAGE_ENDPOINT: "http://store.invalid",
      STORAGE_PATH_STYLE: "off",
    });
    expect(found[0]?.mend).toContain("set STORAGE_PATH_STYLE=on");
  });

  it("ends with 1 where nothing listens", async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const { code, findings } = await doctor({ STORAGE_ENDPOINT: endpoint });
    expect(code).toBe(1);
    expect(findings.at(-1)?.seen).toContain("the store cannot be reached");
  });

  it("ends within 15 seconds with 1 if the store takes connections and does not answer", async () => {
    const endpoint = await listen(() => undefined);
    const { code, findings } = await doctor({ STORAGE_ENDPOINT: endpoint });
    expect(code).toBe(1);
    expect(JSON.stringify(findings)).toContain("does not answer within 7 seconds");
  }, 15_000);

  it("ends with 1 if the store answers questions, and no upload", async () => {
    const STORAGE_ENDPOINT = await proxy({
      instead: ({ method, socket }) => {
        if (method === "PUT") socket.destroy();
        return method === "PUT";
      },
    });
    const report = await doctor({ STORAGE_ENDPOINT, STORAGE_BUCKET: await newBucket() });
    expect(failures(report)).toContainEqual(expect.stringMatching(/^upload: .* was not answered/));
    expect(report.code).toBe(1);
  });

  it("names a public endpoint that leads to another store", async () => {
    const bucket = await newBucket();
    if (second === undefined) throw new Error("there is no other MinIO");
    await clientOf(second).makeBucket(bucket);
    const env = { STORAGE_BUCKET: bucket, STORAGE_PUBLIC_ENDPOINT: second.endpoint };
    const found = failures(await doctor(env));
    expect(found).toContainEqual(
      expect.stringMatching(/^same bucket: what was put at .* is not found/),
    );
  });

  it("names a proxy that changes the header Host", async () => {
    const { host } = new URL(strict().endpoint);
    const endpoint = await proxy({ headers: (headers) => (headers.host = host) });
    const found = failures(
      await doctor({ STORAGE_BUCKET: await newBucket(), STORAGE_PUBLIC_ENDPOINT: endpoint }),
    );
    expect(found).toContainEqual(
      expect.stringMatching(/^hosts: .* a proxy there changes the header Host/),
    );
    expect(found).toContainEqual(
      expect.stringContaining(`upload: a PUT to ${endpoint} was refused`),
    );
  });

  it.each([
    [
      "x-amz-meta-via",
      "a proxy on the way adds an x-amz-* header, which nobody signed; so http://127.0.0.1",
    ],
    ["x-amz-tagging", "accepted: something there changes the request"],
  ])("names the header %s that a proxy adds", async (name, seen) => {
    const endpoint = await proxy({ headers: (headers) => (headers[name] = "via=proxy") });
    const found = failures(
      await doctor({ STORAGE_BUCKET: await newBucket(), STORAGE_PUBLIC_ENDPOINT: endpoint }),
    );
    expect(found).toContainEqual(expect.stringContaining(seen));
  });

  it.each<[string, Change, RegExp, string]>([
    [
      "limits bodies to a megabyte",
      {
        instead: ({ headers }, response) =>
          Number(headers["content-length"] ?? 0) > 2 ** 20 &&
          always(413, { connection: "close" }, "<html>413</html>")(headers as never, response),
      },
      /^size: a PUT of 1 MiB was refused \(413\)/,
      "client_max_body_size",
    ],
    [
      "removes the ETag",
      { answered: (headers) => delete headers.etag },
      /^upload: the answer to a PUT has no ETag/,
      "pass the headers",
    ],
    [
      "allows origins a second time",
      {
        answered: (headers) =>
          (headers["access-control-allow-origin"] = `*, ${STRICT.origin}` as never),
      },
      /^cors: .* Access-Control-Allow-Origin is there twice/,
      "proxy_hide_header Access-Control-Allow-Origin",
    ],
    [
      "removes the query",
      { path: (path) => path.replace(/\?.*/, "") },
      /^upload: .* was refused \(403 AccessDenied\), and the same at .* was accepted: something there/,
      "pass path and query on",
    ],
    [
      "changes Content-Type",
      {
        headers: (headers) => {
          if (headers["content-type"]) headers["content-type"] += "; charset=utf-8";
        },
      },
      /^upload: .* \(403 SignatureDoesNotMatch\), and the same at .* was accepted/,
      "Content-Type and Content-Length on unchanged",
    ],
    [
      "sends bodies in chunks",
      {
        headers: (headers) => {
          if (headers["content-length"] === undefined) return;
          delete headers["content-length"];
          headers["transfer-encoding"] = "chunked";
        },
      },
      /^upload: .* \(411 MissingContentLength\), and the same at/,
      "proxy_request_buffering",
    ],
    [
      "adds Content-Encoding",
      { headers: (headers) => (headers["content-encoding"] = "gzip") },
      /^confirm: .*: content-encoding is gzip, which was not sent/,
      "change no header",
    ],
    ["keeps what was read", cache(), /^cache: .* gives everybody what was once read/, "no_cache"],
  ])("names a proxy before the public endpoint that %s", async (_, change, expected, mend) => {
    const { found } = await keyed.examine({ STORAGE_PUBLIC_ENDPOINT: await proxy(change) });
    expect(found.map(({ check, seen }) => `${check}: ${seen}`)).toEqual([
      expect.stringMatching(expected),
    ]);
    expect(found[0]?.mend).toContain(mend);
  });

  it.each<[string, Change, RegExp, string]>([
    [
      "removes the query",
      { path: (path) => path.replace(/\?.*/, "") },
      /^bucket: the store does not see signatures/,
      "pass path and query on",
    ],
    [
      "changes Content-Type",
      {
        headers: (headers) => {
          if (headers["content-type"]) headers["content-type"] += "; charset=utf-8";
        },
      },
      /^upload: .*, and the secret is right: something on the way changes the request/,
      "Content-Type and Content-Length on unchanged",
    ],
    [
      "changes Host",
      { headers: (headers) => (headers.host = new URL(strict().endpoint).host) },
      /^bucket: the secret is right, and the store sees another request than was signed/,
      "proxy_set_header Host $http_host",
    ],
    [
      "removes If-None-Match",
      { headers: (headers) => delete headers["if-none-match"] },
      /^proxy: a signed If-None-Match does not arrive as it was sent/,
      "pass If-None-Match on",
    ],
    [
      "removes a checksum",
      { headers: (headers) => delete headers["x-amz-checksum-crc32c"] },
      /^proxy: a signed x-amz-checksum-crc32c does not arrive as it was sent/,
      "pass x-amz-checksum-crc32c on",
    ],
    [
      "removes Content-Type",
      { headers: (headers) => delete headers["content-type"] },
      /^proxy: a proxy on the way removes a signed header, Content-Type or Content-Length/,
      "Content-Type and Content-Length on unchanged",
    ],
    [
      "removes the store's headers",
      {
        answered: (headers) => {
          for (const name in headers) if (name.startsWith("x-amz-")) delete headers[name];
        },
      },
      /^confirm: what was put is not what the service sees: checksum is none/,
      "change no header",
    ],
  ])("names a proxy before the only endpoint that %s", async (_, change, expected, mend) => {
    const { found } = await keyed.examine({ STORAGE_ENDPOINT: await proxy(change) });
    expect(found.map(({ check, seen }) => `${check}: ${seen}`)).toEqual([
      expect.stringMatching(expected),
    ]);
    expect(found[0]?.mend).toContain(mend);
  });

  it("says that the store sends no Date where a proxy removes it", async () => {
    const endpoint = await proxy({ answered: (headers) => delete headers.date });
    const { findings } = await keyed.examine({ STORAGE_ENDPOINT: endpoint });
    expect(findings.find(({ check }) => check === "clock")).toMatchObject({
      verdict: "could not tell",
      seen: expect.stringContaining("sends no Date"),
    });
  });

  it.each([
    [503, "SlowDown", "look at the log of the store"],
    [400, "XMinioAdminBucketQuotaExceeded", "raise the quota of the bucket"],
    [409, "OperationAborted", "look up OperationAborted"],
  ])("says what to do where uploads are answered with %d %s", async (status, code, mend) => {
    const refuse = always(status, {}, `<Error><Code>${code}</Code><Message>no</Message></Error>`);
    const endpoint = await proxy({
      instead: (incoming, response) => incoming.method === "PUT" && refuse(incoming, response),
    });
    const { found } = await keyed.examine({ STORAGE_ENDPOINT: endpoint });
    expect(found[0]).toMatchObject({ check: "upload", mend: expect.stringContaining(mend) });
  });

  it("names a Redis that does not answer, and shows no password", async () => {
    const REDIS_URL = `redis://:a-password@127.0.0.1:${await freePort()}`;
    const { found, output } = await keyed.examine({ REDIS_URL });
    expect(found).toMatchObject([
      { check: "redis", seen: expect.stringContaining("nothing listens there") },
    ]);
    expect(found[0]?.mend).toContain("correct REDIS_URL");
    expect(output).not.toContain("a-password");
  });

  it("names a PUBLIC_URL where another server answers", async () => {
    const PUBLIC_URL = await listen(always(404, {}, "404 page not found"));
    const { found } = await keyed.examine({ PUBLIC_URL });
    expect(found).toMatchObject([
      {
        check: "public address",
        seen: `${PUBLIC_URL} answered 404, and not as this service`,
        mend: expect.stringContaining("correct PUBLIC_URL"),
      },
    ]);
  });

  it("cannot tell of a PUBLIC_URL where nothing answers, which may be one for clients", async () => {
    for (const [PUBLIC_URL, problem] of [
      [`http://127.0.0.1:${await freePort()}`, "refuses the connection: nothing listens there"],
      [await listen(() => undefined), "does not answer within 3 seconds"],
    ] as const) {
      const { found, findings } = await keyed.examine({ PUBLIC_URL });
      expect(found).toEqual([]);
      expect(findings).toContainEqual(
        expect.objectContaining({
          check: "public address",
          verdict: "could not tell",
          seen: `${PUBLIC_URL} ${problem}, as seen from here`,
        }),
      );
    }
  });
});
