import { expect, it } from "vitest";
import type { Finding } from "../../adapters/cli/doctor/finding.ts";
import { valetkey } from "../support/command-line.ts";
import { freePort } from "../support/free-port.ts";
import { type Between, s3Error, startS3 } from "../support/s3-server.ts";
import { until } from "../support/until.ts";

// The doctor against a store with one fault, or behind one, all in this process. What only a real
// store answers is in tests/service/doctor-store.test.ts.

/** What the doctor finds of a store. */
async function doctor(between?: Between, more: Fault["env"] = {}) {
  const s3 = await startS3(between);
  const env = { ...s3.env, ...(typeof more === "function" ? await more(s3.endpoint) : more) };
  const { code, stdout, stderr } = await answeredInTime(["doctor", "--json"], env);
  const { findings } = JSON.parse(stdout || "{}") as { findings: ReadonlyArray<Finding> };
  return { code, findings, stdout, stderr, ...s3 };
}

/** Runs the command until the store has answered in time, which is in this process. */
const answeredInTime = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
  until("answers in time", async () => {
    const told = await valetkey(args, env);
    return !told.stdout.includes("no answer within") && told;
  });

const seenIn = (findings: ReadonlyArray<Finding>, verdict: Finding["verdict"]) =>
  findings
    .filter((finding) => finding.verdict === verdict)
    .map(({ check, seen }) => `${check}: ${seen}`);

const HEALTHY = (endpoint: string) => [
  "credentials: uploads are signed by a-key-for-uploads, from STORAGE_PUT_ACCESS_KEY",
  "credentials: downloads are signed by an-access-key, from STORAGE_ACCESS_KEY",
  `endpoint: ${endpoint} answers`,
  "clock: this machine and the store differ by less than a minute",
  "bucket: files is there, in the region us-east-1",
  expect.stringMatching(/^certificate: none is in use; what MinIO [\d-]+ was seen to keep counts/),
  `upload: a PUT to ${endpoint} was accepted`,
  "download: the same bytes were read back",
  "size: a PUT of 1 MiB was accepted",
  "signatures: a PUT with a wrong one is refused (403 SignatureDoesNotMatch)",
  "cors: https://app.example.com may upload, and read the ETag",
  "public access: nobody can list the bucket without a signature (403 AccessDenied)",
  "public access: nobody can read an object without a signature (403 AccessDenied)",
  "public access: nobody can write an object without a signature (403 AccessDenied)",
  "least privilege: the key that signs uploads may not list, read or remove",
  "forged upload: an upload with a forged signature is refused (403 SignatureDoesNotMatch)",
  "confirm: an upload is seen as it was granted",
  "parts: a part was sent, and is listed",
  expect.stringMatching(/^abandoned parts: MinIO itself removes uploads in parts/),
  "scratch: every scratch object was removed",
];

it("a store where everything is set up passes every check, and gets its scratch objects removed", async () => {
  const { code, findings, stderr, endpoint } = await doctor();
  expect(seenIn(findings, "failed")).toEqual([]);
  expect(seenIn(findings, "could not tell")).toEqual([]);
  expect(seenIn(findings, "passed")).toEqual(HEALTHY(endpoint));
  expect([code, stderr]).toEqual([0, ""]);
});

it("a person reads each finding with its reason and what mends it, and the sum", async () => {
  const { env } = await startS3();
  const { code, stdout } = await answeredInTime(["doctor"], {
    ...env,
    CORS_ORIGINS: "https://b.example.com",
  });
  expect(stdout).toMatch(
    /^MinIO at http:\/\/127\.0\.0\.1:\d+\/, bucket files\n\npassed {10}credentials: /,
  );
  expect(stdout)
    .toContain(`FAILED          cors: https://b.example.com: the preflight is answered with 403, and no origin is allowed.
                Why:  The browser sends no upload from that page, and shows only "Failed to fetch".
                Mend: start MinIO with https://b.example.com in MINIO_API_CORS_ALLOW_ORIGIN; it has no rules per bucket
passed          public access: `);
  expect(stdout).toMatch(/\n\n\d+ passed, 1 failed, 0 could not tell\n$/);
  expect(code).toBe(1);
});

it("words of a store are shown as text, and begin no line of the report", async () => {
  const message = "No.\u009b2J\u202e\npassed          upload: all is well";
  const { env } = await startS3((request) =>
    isPlainPut(request) ? s3Error(403, "AccessDenied", message) : undefined,
  );
  const { stdout } = await answeredInTime(["doctor"], env);
  expect(stdout).toContain("AccessDenied: No.\\u009b2J\\u202e");
  expect(stdout).not.toMatch(/[\u0080-\u009f\u202e]/);
  expect(stdout).not.toMatch(/^passed +upload: all is well/m);
});

const header = (answer: Response, name: string, value: string | undefined) => {
  const headers = new Headers(answer.headers);
  if (value === undefined) headers.delete(name);
  else headers.set(name, value);
  return new Response(answer.body, { status: answer.status, headers });
};
type Test = (request: Parameters<Between>[0]) => boolean;
const isObject = ({ url }: Request) => new URL(url).pathname.includes("/orgs/");
const isPlainPut = (request: Request) =>
  request.method === "PUT" &&
  isObject(request) &&
  !new URL(request.url).searchParams.has("uploadId");
/** Refuses some requests. */
const refusing =
  (isMeant: Test, code: string, message?: string, status = 403): Between =>
  (request) =>
    isMeant(request) ? s3Error(status, code, message) : undefined;

/** Accepts some requests, whatever they are. */
const accepting =
  (isMeant: Test): Between =>
  (request) =>
    isMeant(request) ? ok() : undefined;

/** Changes a header of the answers to some requests, or removes it. */
const answering =
  (isMeant: Test, name: string, value?: string): Between =>
  async (request, usual) =>
    isMeant(request) ? header(await usual(), name, value) : usual();

const all = () => true;
const ok = () => new Response("", { headers: { ETag: '"e"' } });
const isDownload: Test = ({ method, query }) =>
  method === "GET" && query.has("response-content-type");
const isLook: Test = (request) => request.method === "HEAD" && isObject(request);
const isForPuts = (query: URLSearchParams) =>
  query.get("X-Amz-Credential")?.startsWith("a-key-for-uploads") === true;

/** Answers requests as a proxy makes them of those that come. */
const changed =
  (change: (headers: Headers) => unknown): Between =>
  (request, usual) => {
    const headers = new Headers(request.headers);
    change(headers);
    return usual(new Request(request, { headers, duplex: "half" } as RequestInit));
  };

const withoutQuery: Between = (request, usual) =>
  usual(
    new Request(request.url.replace(/\?.*/, ""), { ...request, duplex: "half" } as RequestInit),
  );

/** A cache that looks at no query. */
const cache = (): Between => {
  const kept = new Map<string, ArrayBuffer>();
  return async (request, usual) => {
    const { pathname } = new URL(request.url);
    const known = request.method === "GET" ? kept.get(pathname) : undefined;
    if (known !== undefined) return new Response(known);
    const answer = await usual();
    if (request.method === "GET" && answer.ok && isObject(request)) {
      kept.set(pathname, await answer.clone().arrayBuffer());
    }
    return answer;
  };
};

const always =
  (status: number, headers: Readonly<Record<string, string>>, body: string): Between =>
  () =>
    new Response(body, { status, headers });

const never = () => new Promise<Response>(() => undefined);

/** A change on the way to the name that browsers use alone. */
const atPublic = (between: Between) => ({
  env: (endpoint: string) => ({
    STORAGE_PUBLIC_ENDPOINT: endpoint.replace("127.0.0.1", "localhost"),
  }),
  between: ((request, usual) =>
    request.headers.get("host")?.startsWith("localhost") === true
      ? between(request, usual)
      : undefined) satisfies Between,
});

/** What a store or something before it may do, and what the doctor says of it. */
interface Fault {
  readonly what: string;
  readonly between?: Between;
  readonly env?:
    | Readonly<Record<string, string>>
    | ((endpoint: string) => Readonly<Record<string, string>> | Promise<Record<string, string>>);
  readonly failed?: ReadonlyArray<string | RegExp>;
  readonly unknown?: ReadonlyArray<string | RegExp>;
  readonly passed?: ReadonlyArray<string | RegExp>;
  /** What stands in the advice of the first failure. */
  readonly mend?: string;
}

const UNREACHED = {
  unknown: ["everything else: the store cannot be reached, so nothing further was tried"],
};
const UNUSED = {
  unknown: ["everything else: the bucket cannot be used, so nothing further was tried"],
};
const PAGE = "<!doctype html><title>MinIO Console</title>";

const REACH: ReadonlyArray<Fault> = [
  ...(
    [
      [200, {}, PAGE, /answered 200 with a web page/, "9000, not 9001"],
      [
        301,
        { location: "https://files.example/a?b" },
        PAGE,
        /redirects to https:\/\/files.example/,
        "set STORAGE_ENDPOINT=https://files.example,",
      ],
      [302, { location: "/login" }, "", /redirects to a page of its own/, "need no login"],
      [502, {}, "<html></html>", /answered 502: a proxy is there, and no store/, "start the store"],
      [
        403,
        {},
        "<html></html>",
        /answered 403, and not as a store: a proxy/,
        "let it pass requests with a signed URL",
      ],
      [
        400,
        {},
        "Client sent an HTTP request to an HTTPS server.\n",
        /answered 400: it speaks https/,
        "begin with https://",
      ],
      [
        404,
        {},
        "404 page not found",
        /answered 404, and not as a store/,
        "set STORAGE_ENDPOINT to the address of the store's API",
      ],
    ] as const
  ).map(([status, headers, body, seen, mend]) => ({
    what: `that is another server, which answers ${status} ${body}`,
    between: always(status, headers, body),
    failed: [new RegExp(`^endpoint: .*${seen.source}`)],
    ...UNREACHED,
    mend,
  })),
  {
    what: "that takes connections, and does not answer",
    between: never,
    failed: [/^endpoint: .* does not answer within 7 seconds/],
    ...UNREACHED,
    mend: "open the way through the firewall",
  },
  {
    what: "whose answer begins and does not end",
    between: () =>
      new Response(new ReadableStream({ start: (body) => body.enqueue(new Uint8Array(1)) })),
    failed: [/^endpoint: .*the answer began, and did not end within 7 seconds/],
    ...UNREACHED,
  },
  {
    what: "that speaks http, and is configured with https",
    env: (endpoint) => ({ STORAGE_ENDPOINT: endpoint.replace("http:", "https:") }),
    failed: [/^endpoint: .* does not speak TLS/],
    ...UNREACHED,
    mend: "use http in STORAGE_ENDPOINT",
  },
  {
    what: "whose name does not exist",
    env: { STORAGE_ENDPOINT: "http://store.invalid" },
    failed: [/^endpoint: .* does not resolve/],
    ...UNREACHED,
    mend: "correct STORAGE_ENDPOINT",
  },
  {
    what: "without a name for its bucket",
    env: { STORAGE_ENDPOINT: "http://store.invalid", STORAGE_PATH_STYLE: "off" },
    failed: [/^endpoint: .* does not resolve/],
    ...UNREACHED,
    mend: "set STORAGE_PATH_STYLE=on",
  },
  {
    what: "where nothing listens for browsers",
    env: { STORAGE_PUBLIC_ENDPOINT: "http://127.0.0.1:2" },
    failed: ["public endpoint: http://127.0.0.1:2 refuses the connection: nothing listens there"],
    mend: "STORAGE_PUBLIC_ENDPOINT",
  },
  {
    what: "whose other endpoint is another store",
    env: async () => ({ STORAGE_PUBLIC_ENDPOINT: (await startS3()).endpoint }),
    failed: [
      /^same bucket: what was put at .* is not found/,
      "confirm: an accepted upload is not found",
      "parts: a part that was accepted is not listed",
    ],
    mend: "two addresses of one store",
  },
  {
    what: "with a Redis that does not answer",
    env: async () => ({ REDIS_URL: `redis://:a-password@127.0.0.1:${await freePort()}` }),
    failed: [/^redis: .*nothing listens there/],
    mend: "correct REDIS_URL",
  },
  {
    what: "with a PUBLIC_URL where another server answers",
    env: async () => ({
      PUBLIC_URL: (await startS3(always(404, {}, "404 page not found"))).endpoint,
    }),
    failed: [/^public address: .* answered 404, and not as this service$/],
    mend: "correct PUBLIC_URL",
  },
  {
    what: "with a PUBLIC_URL that may be one for clients, where nothing listens",
    env: async () => ({ PUBLIC_URL: `http://127.0.0.1:${await freePort()}` }),
    unknown: [
      /^public address: .* refuses the connection: nothing listens there, as seen from here$/,
    ],
  },
];

/** MinIO's words, also for a signed header that is missing. */
const NOT_SIGNED = "There were headers present in the request which were not signed";

const bindsType: Test = (request) =>
  request.query.get("X-Amz-SignedHeaders")?.includes("content-type") === true;

/** With the bucket's name twice, or by another key. */
const isPutToTwice: Test = (request) =>
  isPlainPut(request) && (request.url.includes("/files/files/") || !bindsType(request));

const BUCKET: ReadonlyArray<Fault> = [
  {
    what: "whose clock is 10 minutes ahead",
    between: answering(all, "Date", new Date(Date.now() + 620_000).toUTCString()),
    // Its time is read when this file is, and a busy machine comes to it late.
    failed: [/^clock: this machine's clock is (?:[789]|10) min behind the store's/],
    passed: [/^upload: /, /^forged upload: /],
  },
  {
    what: "that does not tell its time",
    between: answering(all, "Date", "never"),
    unknown: [/^clock: .*sends no Date/],
  },
  {
    what: "with the bucket in another region",
    between: answering(all, "x-amz-bucket-region", "eu-west-1"),
    failed: ["region: the bucket is in eu-west-1, and STORAGE_REGION is us-east-1"],
    ...UNUSED,
    mend: "STORAGE_REGION=eu-west-1",
  },
  {
    what: "without the bucket, which is not made",
    env: { STORAGE_BUCKET: "elsewhere", STORAGE_CREATE_BUCKET: "on" },
    failed: [/^bucket: the bucket elsewhere does not exist/],
    ...UNUSED,
  },
  {
    what: "whose bucket is that of others",
    between: refusing(
      ({ method, query }) =>
        ["GET", "DELETE"].includes(method) && !query.has("response-content-type"),
      "AccessDenied",
    ),
    failed: [/^bucket: /, /^scratch: nothing was written/],
    unknown: ["lifecycle: the bucket's lifecycle could not be read: 403 AccessDenied"],
    mend: "correct STORAGE_BUCKET",
  },
  {
    what: "with the key for uploads in quotes",
    env: { STORAGE_PUT_SECRET_KEY: '"a-secret-key-for-uploads"' },
    failed: [/^upload: .*the secret key is wrong; check STORAGE_PUT_SECRET_KEY/],
    mend: "STORAGE_PUT_SECRET_KEY has quotes around it",
  },
  {
    what: "with an access key and its secret that are swapped",
    between: refusing(isPlainPut, "InvalidAccessKeyId"),
    env: { STORAGE_PUT_ACCESS_KEY: "a-key-for-uploads-in-place-of-its-secret" },
    failed: [/^upload: .*does not know the access key; check STORAGE_PUT_ACCESS_KEY/],
    mend: "so the two may be swapped",
  },
  {
    what: "with a session token that is missing",
    between: refusing(isPlainPut, "InvalidTokenId"),
    failed: [/^upload: .*the session token is invalid or has expired; renew STORAGE_PUT_SESSION/],
    mend: "set STORAGE_PUT_SESSION_TOKEN to the token that came with the key",
  },
  {
    what: "whose keys for uploads and downloads are swapped",
    between: refusing(({ method, query }) => method === "PUT" && isForPuts(query), "AccessDenied"),
    env: {
      STORAGE_GET_ACCESS_KEY: "an-access-key",
      STORAGE_GET_SECRET_KEY: "a-secret-key-of-the-tests",
    },
    failed: [/^upload: .*the key may not put .*; the key for downloads may put/],
    mend: "swap STORAGE_PUT_ACCESS_KEY and STORAGE_GET_ACCESS_KEY",
  },
  {
    what: "that does not know the service's key",
    between: refusing(
      ({ query, method }) => method === "GET" && query.has("max-keys") && !isForPuts(query),
      "InvalidAccessKeyId",
    ),
    failed: [/^bucket: the store does not know the access key; check STORAGE_ACCESS_KEY/],
    unknown: [/^scratch: nothing was written/],
    mend: "correct STORAGE_ACCESS_KEY and STORAGE_SECRET_KEY",
  },
  {
    what: "whose endpoint has the bucket's name",
    env: (endpoint) => ({ STORAGE_PUBLIC_ENDPOINT: `${endpoint}/files` }),
    between: refusing(isPutToTwice, "AccessDenied"),
    failed: [/^upload: .*the key may not put/],
    mend: "leave the bucket's name out of the endpoint",
  },
  {
    what: "whose policy lets the key put nothing",
    between: refusing(isPlainPut, "AccessDenied", "Not you."),
    failed: [/^upload: a PUT to .* was refused: the key may not put \(AccessDenied: Not you\.\)$/],
  },
  {
    what: "with a wrong secret for downloads",
    env: { STORAGE_GET_ACCESS_KEY: "an-access-key", STORAGE_GET_SECRET_KEY: "another" },
    failed: [/^download: .*the secret key is wrong; check STORAGE_GET_SECRET_KEY/],
    mend: "correct STORAGE_GET_ACCESS_KEY and STORAGE_GET_SECRET_KEY",
  },
  {
    what: "whose key for downloads may not read",
    between: refusing(isDownload, "AccessDenied"),
    failed: [/^download: reading back was refused: the key may not get \(AccessDenied/],
  },
  ...(
    [
      [503, "SlowDown", "look at the log of the store"],
      [400, "XMinioAdminBucketQuotaExceeded", "raise the quota of the bucket"],
      [409, "OperationAborted", "look up OperationAborted"],
    ] as const
  ).map(([status, code, mend]) => ({
    what: `that answers an upload with ${status} ${code}`,
    between: refusing(isPlainPut, code, undefined, status),
    failed: [new RegExp(`^upload: .*${code}`)],
    mend,
  })),
  {
    what: "that answers questions, and no upload",
    between: (request) =>
      isPlainPut(request)
        ? new Response(new ReadableStream({ start: (body) => body.error(new Error("cut")) }))
        : undefined,
    failed: [/^upload: .* was not answered/],
  },
  {
    what: "that gives other bytes back",
    between: async (request, usual) =>
      isDownload(request) && (await usual()).ok ? new Response("others") : usual(),
    failed: ["download: 6 other bytes were read back"],
  },
  ...(
    [
      ["OPTIONS", "Allow-Methods", "GET", "the preflight does not allow PUT"],
      [
        "OPTIONS",
        "Allow-Headers",
        "content-type",
        "the preflight does not allow if-none-match, x-amz-checksum-sha256",
      ],
      [
        "OPTIONS",
        "Allow-Origin",
        "https://b.example.com",
        "the preflight is answered with 200, and it allows https://b.example.com",
      ],
      [
        "OPTIONS",
        "Allow-Origin",
        "*, https://app.example.com",
        "the preflight is answered with 200, and Access-Control-Allow-Origin is there twice (*, https://app.example.com)",
      ],
      ["PUT", "Allow-Origin", undefined, "the answer to the PUT itself does not allow the page"],
      ["PUT", "Expose-Headers", undefined, "the page may upload, but not read the ETag"],
    ] as const
  ).map(([method, name, value, seen]) => ({
    what: `that answers ${method} with Access-Control-${name}: ${value}`,
    between: answering((request) => request.method === method, `Access-Control-${name}`, value),
    failed: [`cors: https://app.example.com: ${seen}`],
    ...(value?.startsWith("*") && { mend: "proxy_hide_header Access-Control-Allow-Origin" }),
  })),
  {
    what: "that lets every page upload",
    between: async (_, usual) =>
      ["Origin", "Headers", "Methods"].reduce(
        (answer, name) => header(answer, `Access-Control-Allow-${name}`, "*"),
        header(await usual(), "Access-Control-Expose-Headers", "*"),
      ),
    passed: ["cors: https://app.example.com may upload, and read the ETag"],
  },
  {
    what: "whose key for the service may not look at objects",
    between: (request) =>
      request.method === "HEAD" && isObject(request)
        ? new Response(null, { status: 403 })
        : undefined,
    failed: ["confirm", "parts"].map(
      (check) => `${check}: the key lacks s3:GetObject or s3:ListBucket; allow both`,
    ),
    unknown: [/^scratch: \d+ scratch keys could not be removed$/],
    mend: "valetkey policy service",
  },
  {
    what: "that refuses parts",
    between: refusing(({ query }) => query.has("uploads"), "AccessDenied"),
    failed: [/^parts: the service's key may not make large files/],
    mend: "valetkey policy service",
  },
  {
    what: "that nobody named, and whose key for uploads reads",
    between: ({ method, query }) =>
      method === "HEAD" && isForPuts(query) ? new Response(null, { status: 404 }) : undefined,
    env: { STORAGE_ADAPTER: "aws", STORAGE_PROVIDER: "s3" },
    failed: [
      /^credentials: uploads cannot be signed: the key for uploads .* may read/,
      /^abandoned parts: /,
    ],
    unknown: [/^upload: /, /^cors: /],
    mend: "give uploads a key of their own",
  },
  {
    what: "that begins uploads in parts, and takes no part of them",
    between: refusing(
      ({ method, query }) => method === "PUT" && query.has("partNumber"),
      "AccessDenied",
    ),
    failed: ["parts: a part was refused (403 AccessDenied)"],
    mend: "allow the key for uploads what `valetkey policy put` prints",
  },
  {
    what: "that takes a part, and does not have it",
    between: ({ method, query }) =>
      method === "GET" && query.has("uploadId")
        ? new Response("<ListPartsResult></ListPartsResult>")
        : undefined,
    failed: ["parts: a part that was accepted is not listed"],
  },
  {
    what: "that refuses checksums",
    between: refusing(({ headers }) => headers.has("x-amz-checksum-sha256"), "AccessDenied"),
    failed: [/^cors: /, "confirm: a PUT with a checksum was refused (403 AccessDenied)"],
  },
  {
    what: "whose bucket keeps versions, in which nothing is written once",
    env: { STORAGE_PROVIDER: "ceph" },
    between: ({ method, query }) =>
      method === "GET" && query.has("versioning")
        ? new Response(
            "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
          )
        : undefined,
    // The double does not sign as a Ceph does.
    failed: [/^write-once: uploads are not written once/, /^upload: /, /^abandoned parts: /],
    mend: "suspend its versions",
  },
  {
    what: "that is open to everybody",
    between: accepting(({ isUnsigned, method }) => isUnsigned && method !== "OPTIONS"),
    failed: [
      "public access: everybody can list the bucket without a signature",
      "public access: everybody can read an object without a signature",
      "public access: everybody can write an object without a signature",
    ],
  },
  {
    what: "whose key for uploads may do everything",
    between: accepting(
      ({ method, query }) => ["GET", "DELETE"].includes(method) && isForPuts(query),
    ),
    failed: [
      "least privilege: the key that signs uploads may also list the bucket, read objects, remove objects, as the root user or an administrator may",
    ],
  },
  {
    what: "that takes a forged upload",
    between: accepting(({ headers }) => headers.has("x-amz-trailer")),
    failed: [/^forged upload: .*CVE-2026-41145/],
  },
  {
    what: "that refuses to be asked for checksums which it never gets",
    env: { STORAGE_PROVIDER: "s3" },
    between: ({ headers }) =>
      headers.has("x-amz-checksum-mode") ? s3Error(501, "NotImplemented") : undefined,
    passed: ["confirm: an upload is seen as it was granted"],
    failed: [/^abandoned parts: the bucket has no rule/],
  },
  {
    what: "that verifies no signature",
    between: async ({ method, isUnsigned }, usual) => {
      const answer = await usual();
      return method === "PUT" && !isUnsigned && answer.status === 403 ? ok() : answer;
    },
    failed: ["signatures: a PUT with a wrong signature was accepted: the store verifies none"],
    unknown: ["everything else: the store verifies no signatures, so nothing further was tried"],
  },
  {
    what: "whose lifecycle rules are not understood",
    between: ({ method, query }) =>
      method === "GET" && query.has("lifecycle")
        ? new Response("<ListBucketResult></ListBucketResult>")
        : undefined,
    unknown: ["lifecycle: this store's answer about its lifecycle rules is not understood"],
  },
  {
    what: "that removes nothing",
    between: refusing(({ method }) => method === "DELETE", "AccessDenied"),
    failed: [
      "scratch: nothing was written, since it could not be removed again: the service's key may not remove versions of objects (s3:DeleteObjectVersion)",
    ],
  },
  {
    what: "that removes nothing that is there",
    between: ({ method, url, query }) =>
      method === "DELETE" && url.includes("/orgs/") && query.get("versionId") !== "null"
        ? s3Error(403, "AccessDenied")
        : query.get("versionId") === "null"
          ? new Response(null, { status: 204 })
          : undefined,
    unknown: [/^scratch: \d+ scratch keys could not be removed$/],
  },
];

const PROXIES: ReadonlyArray<Fault> = [
  {
    what: "with an endpoint for browsers, which is the same store under another name",
    ...atPublic(() => undefined),
    passed: [
      /^internal endpoint: http:\/\/127\.0\.0\.1:\d+ answers$/,
      /^public endpoint: http:\/\/localhost:\d+ answers$/,
      /^same bucket: it was read at http:\/\/127\.0\.0\.1:\d+ too$/,
    ],
  },
  {
    what: "behind a proxy that adds a header",
    between: refusing(isPlainPut, "AccessDenied", NOT_SIGNED),
    failed: [/^proxy: a proxy on the way adds an x-amz-\* header, which nobody signed; so http/],
  },
  {
    what: "behind a proxy that removes Content-Type",
    between: refusing(
      (request) => isPlainPut(request) && bindsType(request),
      "AccessDenied",
      NOT_SIGNED,
    ),
    failed: [/^proxy: a proxy on the way removes a signed header, Content-Type or Content-Length/],
    mend: "Content-Type and Content-Length on unchanged",
  },
  {
    what: "behind a proxy that adds a tag, which the store obeys",
    between: answering(isLook, "x-amz-tagging-count", "1"),
    failed: [
      "proxy: a proxy on the way adds x-amz-tagging, which nobody signed; the store obeys it",
    ],
  },
  {
    what: "behind a proxy that removes the query",
    between: withoutQuery,
    failed: [
      "bucket: the store does not see signatures (403 AccessDenied): something at STORAGE_ENDPOINT removes the query, or it takes signatures in headers alone",
    ],
    ...UNUSED,
    mend: "pass path and query on",
  },
  {
    what: "behind a proxy that changes Content-Type",
    between: changed(
      (headers) => headers.has("content-type") && headers.set("content-type", "a/b"),
    ),
    failed: [/^upload: .*, and the secret is right: something on the way changes the request/],
    mend: "Content-Type and Content-Length on unchanged",
  },
  {
    what: "behind a proxy that removes the store's checksums",
    between: answering(isLook, "x-amz-checksum-sha256"),
    failed: [/^confirm: an upload is seen otherwise than it was granted: checksum is none/],
    mend: "change no header",
  },
  {
    what: "behind a proxy for browsers that limits bodies to a megabyte",
    ...atPublic(({ headers }, usual) =>
      Number(headers.get("content-length")) > 2 ** 20
        ? new Response("<html>413</html>", { status: 413 })
        : usual(),
    ),
    failed: [/^size: a PUT of 1 MiB was refused \(413\)/],
    mend: "client_max_body_size",
  },
  {
    what: "behind a proxy for browsers that removes the ETag",
    ...atPublic(answering(all, "ETag")),
    failed: ["upload: the answer to a PUT has no ETag"],
    mend: "pass the headers",
  },
  {
    what: "behind a proxy for browsers that removes the query",
    ...atPublic(withoutQuery),
    failed: [
      /^upload: .* was refused \(403 AccessDenied\), and the same at .* was accepted: something there/,
    ],
    mend: "pass path and query on",
  },
  {
    what: "behind a proxy for browsers that changes Content-Type",
    ...atPublic(changed((headers) => headers.set("content-type", "a/b"))),
    failed: [/^upload: .* \(403 SignatureDoesNotMatch\), and the same at .* was accepted/],
    mend: "Content-Type and Content-Length on unchanged",
  },
  {
    what: "behind a proxy for browsers that sends bodies in chunks",
    ...atPublic((request, usual) =>
      request.method === "PUT" ? s3Error(411, "MissingContentLength") : usual(),
    ),
    failed: [/^upload: .* \(411 MissingContentLength\), and the same at/],
    mend: "proxy_request_buffering",
  },
  {
    what: "behind a proxy for browsers that keeps what was read",
    ...atPublic(cache()),
    failed: [/^cache: .* gives everybody what was once read/],
    mend: "no_cache",
  },
];

const matching = (expected: string | RegExp) =>
  typeof expected === "string" ? expected : expect.stringMatching(expected);

it.each([...REACH, ...BUCKET, ...PROXIES])(
  "the doctor tells of a store $what",
  async ({ between, env, mend = "", ...expected }) => {
    const { code, findings, stdout } = await doctor(between, env);
    const { failed = [], unknown = [], passed = [] } = expected;
    expect(seenIn(findings, "failed")).toEqual(failed.map(matching));
    expect(seenIn(findings, "could not tell")).toEqual(unknown.map(matching));
    for (const each of passed) expect(seenIn(findings, "passed")).toContainEqual(matching(each));
    const left = findings.find(({ seen }) => seen.endsWith("scratch keys could not be removed"));
    if (left) expect(left.mend).toMatch(/remove these yourself: .*orgs\/valetkey-doctor\//);
    const failures = findings.filter(({ verdict }) => verdict === "failed");
    for (const { why, mend } of failures) {
      expect([why, mend]).toEqual([expect.stringMatching(/./), expect.stringMatching(/./)]);
    }
    expect(failures[0]?.mend ?? "").toContain(mend);
    expect(stdout).not.toMatch(/a-password|a-secret-key/);
    expect(code).toBe(failed.length > 0 ? 1 : 0);
  },
);

it("a configuration that is wrong ends the doctor with 2", async () => {
  const { code, stderr } = await doctor(undefined, { STORAGE_ENDPOINT: "not a URL" });
  expect(code).toBe(2);
  expect(stderr).toContain("The doctor cannot run: invalid configuration");
});

it("the mend of a page that may not upload is a command that says what to run", async () => {
  const CORS_ORIGINS = "https://b.example.com";
  const swift = { STORAGE_PROVIDER: "swift", CORS_ORIGINS };
  const { findings, env } = await doctor(undefined, swift);
  expect(findings.find(({ check }) => check === "cors")?.mend).toBe(
    `valetkey cors --origin ${CORS_ORIGINS} prints what to run`,
  );
  const args = ["cors", "--origin", CORS_ORIGINS, "--apply"];
  const cors = await valetkey(args, { ...env, ...swift });
  expect(cors.stdout).toContain(
    `swift post files -m "Access-Control-Allow-Origin: ${CORS_ORIGINS}"`,
  );
  expect(cors.stderr).toContain("it replaces the origins that the container has");
  expect(cors.code).toBe(1);
});
