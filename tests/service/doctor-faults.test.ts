import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { STRICT } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { runToEnd } from "../support/service-process.ts";
import {
  type Change,
  doctor,
  failures,
  leastPrivilege,
  listen,
  newBucket,
  proxy,
  server,
  strict,
} from "./doctor.ts";

// Faults of deployments as people make them: each on a real server, or on the way to one.

type Env = Readonly<Record<string, string>>;

let bucket = "";
let keys: Env = {};
const SECRETS = /SECRET_KEY|SESSION_TOKEN/;

/** What the doctor finds at fault, with keys for each use, in one bucket. */
async function examine(env: Env) {
  const report = await doctor({ STORAGE_BUCKET: bucket, ...keys, ...env });
  expect(report.output).not.toMatch(/\n\s+at /);
  for (const [name, value] of Object.entries({ ...keys, ...env })) {
    if (SECRETS.test(name) && value !== "") expect(report.output).not.toContain(value);
  }
  // The hole of the MinIO of these tests is not what they are about.
  const found = report.findings.filter(
    ({ verdict, check }) => verdict === "failed" && check !== "forged upload",
  );
  return { ...report, found };
}

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

/** The keys for uploads and downloads, each in the place of the other. */
const swapped = (): Env =>
  Object.fromEntries(
    Object.entries(keys).map(([name, value]) => [
      name.replace(/_(PUT|GET)_/, (_, use) => (use === "PUT" ? "_GET_" : "_PUT_")),
      value,
    ]),
  );

describe.skipIf(server === undefined)("valetkey doctor", () => {
  beforeAll(async () => {
    bucket = await newBucket();
    keys = await leastPrivilege(bucket, ["service", "diagnose"]);
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
    const { code, found } = await examine({ STORAGE_ENDPOINT: await listen(answer) });
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
    const report = await examine({ STORAGE_ENDPOINT: endpoint });
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
    const { found } = await examine({ STORAGE_ENDPOINT: `${scheme}://${place}` });
    expect(found).toMatchObject([
      { seen: expect.stringMatching(seen), mend: expect.stringContaining(mend) },
    ]);
  });

  it("names the path style where only a name for the bucket does not resolve", async () => {
    const { found } = await examine({
      STORAGE_ENDPOINT: "http://store.invalid",
      STORAGE_PATH_STYLE: "off",
    });
    expect(found[0]?.mend).toContain("set STORAGE_PATH_STYLE=on");
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
    const { found } = await examine({ STORAGE_PUBLIC_ENDPOINT: await proxy(change) });
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
    const { found } = await examine({ STORAGE_ENDPOINT: await proxy(change) });
    expect(found.map(({ check, seen }) => `${check}: ${seen}`)).toEqual([
      expect.stringMatching(expected),
    ]);
    expect(found[0]?.mend).toContain(mend);
  });

  it("says that the store sends no Date where a proxy removes it", async () => {
    const endpoint = await proxy({ answered: (headers) => delete headers.date });
    const { findings } = await examine({ STORAGE_ENDPOINT: endpoint });
    expect(findings.find(({ check }) => check === "clock")).toMatchObject({
      verdict: "could not tell",
      seen: expect.stringContaining("sends no Date"),
    });
  });

  it.each<[string, () => Env, RegExp, string]>([
    [
      "a secret in quotes",
      () => ({ STORAGE_PUT_SECRET_KEY: `"${keys["STORAGE_PUT_SECRET_KEY"]}"` }),
      /^upload: .*the secret key is wrong; check STORAGE_PUT_SECRET_KEY/,
      "STORAGE_PUT_SECRET_KEY has quotes around it",
    ],
    [
      "an access key and its secret that are swapped",
      () => ({
        STORAGE_PUT_ACCESS_KEY: "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYzz",
        STORAGE_PUT_SECRET_KEY: "AKIAIOSFODNN7EXAMPLE",
      }),
      /^upload: .*does not know the access key; check STORAGE_PUT_ACCESS_KEY/,
      "so the two may be swapped",
    ],
    [
      "a session token that is missing",
      () => ({ STORAGE_PUT_SESSION_TOKEN: "" }),
      /^upload: .*the session token is invalid or has expired; renew STORAGE_PUT_SESSION_TOKEN/,
      "set STORAGE_PUT_SESSION_TOKEN to the token that came with the key",
    ],
    [
      "the keys for uploads and downloads that are swapped",
      swapped,
      /^upload: .*the key may not put .*; the key for downloads may put/,
      "swap STORAGE_PUT_ACCESS_KEY and STORAGE_GET_ACCESS_KEY",
    ],
    [
      "a wrong secret for downloads",
      () => ({ STORAGE_GET_SECRET_KEY: "not-the-secret" }),
      /^download: .*the secret key is wrong; check STORAGE_GET_SECRET_KEY/,
      "correct STORAGE_GET_ACCESS_KEY and STORAGE_GET_SECRET_KEY",
    ],
    [
      "a key of the service that does not exist",
      () => ({
        STORAGE_ACCESS_KEY: "nobody",
        STORAGE_SECRET_KEY: "not-the-secret",
        STORAGE_SESSION_TOKEN: "",
      }),
      /^bucket: the store does not know the access key; check STORAGE_ACCESS_KEY/,
      "correct STORAGE_ACCESS_KEY and STORAGE_SECRET_KEY",
    ],
    [
      "the bucket's name in the endpoint",
      () => ({ STORAGE_PUBLIC_ENDPOINT: `${strict().endpoint}/${bucket}` }),
      /^upload: .*the key may not put/,
      "leave the bucket's name out of the endpoint",
    ],
  ])("names %s", async (_, env, expected, mend) => {
    const { found } = await examine(env());
    expect(found.map(({ check, seen }) => `${check}: ${seen}`)).toEqual([
      expect.stringMatching(expected),
    ]);
    expect(found[0]?.mend).toContain(mend);
  });

  it("says of no header that it is ignored where the service's key may not look", async () => {
    const { findings } = await doctor(
      { STORAGE_BUCKET: bucket, ...keys, STORAGE_SECRET_KEY: "not-the-secret" },
      "--leave",
    );
    const seen = findings.filter(({ check }) => check === "unsigned headers");
    expect(seen.map(({ seen }) => seen).join()).not.toMatch(/(?:tagging|customer-key) is ignored/);
    expect(findings).toContainEqual(
      expect.objectContaining({ check: "confirm", verdict: "could not tell" }),
    );
  });

  it("names a bucket of others, which no key may use", async () => {
    const { found } = await examine({ STORAGE_BUCKET: await newBucket() });
    expect(found.map(({ check }) => check)).toEqual(["bucket", "scratch"]);
    expect(found[0]?.mend).toContain("correct STORAGE_BUCKET");
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
    const { found } = await examine({ STORAGE_ENDPOINT: endpoint });
    expect(found[0]).toMatchObject({ check: "upload", mend: expect.stringContaining(mend) });
  });

  it("names a Redis that does not answer, and shows no password", async () => {
    const REDIS_URL = `redis://:a-password@127.0.0.1:${await freePort()}`;
    const { found, output } = await examine({ REDIS_URL });
    expect(found).toMatchObject([
      { check: "redis", seen: expect.stringContaining("nothing listens there") },
    ]);
    expect(found[0]?.mend).toContain("correct REDIS_URL");
    expect(output).not.toContain("a-password");
  });

  it("names a PUBLIC_URL where another server answers", async () => {
    const PUBLIC_URL = await listen(always(404, {}, "404 page not found"));
    const { found } = await examine({ PUBLIC_URL });
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
      const { found, findings } = await examine({ PUBLIC_URL });
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

/** Runs the doctor on an embedded store whose folder is a disk of 1 MiB of its own. */
const onSmallDisk = (prepare: string) =>
  runToEnd({ STORAGE_ADAPTER: "local" }, [
    "/usr/bin/unshare",
    "--map-root-user",
    "--mount",
    "sh",
    "-ec",
    `mount -t tmpfs -o size=1m,mode=700 tmpfs /mnt; cd /mnt; ${prepare}; cd "$OLDPWD"
STORAGE_LOCAL_DIR=/mnt exec node_modules/.bin/node deploy/cli.ts doctor`,
  ]);

const MADE = "mkdir objects temporary; head -c 32 /dev/zero | base64 > secret";

describe.skipIf(!(await need("mounts")))("valetkey doctor on the embedded store", () => {
  it.each([
    ["a read-only disk", "mount -o remount,ro /mnt", "is read-only", "mount it for writing"],
    [
      "a read-only disk that has a store",
      `${MADE}; mount -o remount,ro /mnt`,
      "is read-only",
      "mount it for writing",
    ],
    [
      "a full disk",
      `${MADE}; head -c 2000000 /dev/zero > full || true`,
      "the disk is full",
      "free some space",
    ],
  ])("names %s", async (_, prepare, seen, mend) => {
    const { code, output } = await onSmallDisk(prepare);
    expect(output).toMatch(new RegExp(`FAILED +folder: .*${seen}`));
    expect(output).toContain(`Mend: ${mend}`);
    expect(output).not.toMatch(/\n\s+at /);
    expect(code).toBe(1);
  });
});
