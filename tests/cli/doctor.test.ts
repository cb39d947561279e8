import {
  type Harm,
  HARMS,
  UNSIGNED_HEADERS,
} from "../../adapters/storage/contract/unsigned-headers.ts";
import { describe, expect, it } from "vitest";
import type { Finding } from "../../adapters/cli/doctor/finding.ts";
import { valetkey } from "../support/command-line.ts";
import { useFewHeaders } from "../support/few-headers.ts";
import { type Between, s3Error, startS3 } from "../support/s3-server.ts";

// The doctor against a store with one fault, all in this process. Real stores are in
// tests/service/doctor-store.test.ts, and faults on the way to them in doctor-network.test.ts.

/** What the doctor finds of a store. */
async function doctor(between?: Between, env: Readonly<Record<string, string>> = {}) {
  const s3 = await startS3(between);
  const { code, stdout, stderr } = await valetkey(["doctor", "--json"], { ...s3.env, ...env });
  const { findings } = JSON.parse(stdout || "{}") as { findings: ReadonlyArray<Finding> };
  return { code, findings, stderr, ...s3 };
}

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
  "hosts: browsers and services use one endpoint",
  `upload: a PUT to ${endpoint} was accepted`,
  "download: the same bytes were read back",
  "size: a PUT of 1 MiB was accepted",
  "signatures: a PUT with a wrong one is refused (403 SignatureDoesNotMatch)",
  "cors: https://app.example.com may upload, and read the ETag",
  "confirm: the service sees what was put, as it was sent",
  "parts: a part of a large file is taken, and listed",
  "promise: a PUT of another type is refused",
  "promise: a PUT that is one byte longer is refused",
  "promise: a PUT that is one byte shorter is refused",
  "promise: a PUT of other bytes than its sha256 says is refused",
  "promise: a PUT of other bytes than its crc32c says is refused",
  "promise: a PUT of other bytes than its md5 says is refused",
  "promise: a second PUT by a write-once URL is refused",
  "public access: nobody can list the bucket without a signature (403 AccessDenied)",
  "public access: nobody can read an object without a signature (403 AccessDenied)",
  "public access: nobody can write an object without a signature (403 AccessDenied)",
  "least privilege: the key that signs uploads may not list, read or remove",
  expect.stringMatching(/^unsigned headers: none writes under another key: \d+ tried, 1 refused$/),
  expect.stringMatching(/^unsigned headers: none stores other bytes: \d+ tried, 1 refused$/),
  expect.stringMatching(/^unsigned headers: none lets others read the file: \d+ tried, /),
  expect.stringMatching(/^unsigned headers: none removes the file, .*: \d+ tried, 4 refused$/),
  expect.stringMatching(/^unsigned headers: none locks, moves or encrypts the file: \d+ tried, /),
  "forged upload: an upload with a forged signature is refused (403 SignatureDoesNotMatch)",
  expect.stringMatching(/^abandoned parts: MinIO itself removes uploads in parts/),
  "versioning: off: an overwritten file is gone",
  "encryption: the bucket has no default encryption of its own",
  "object lock: off",
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
  const { code, stdout } = await valetkey(["doctor"], {
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
passed          confirm: `);
  expect(stdout).toMatch(/\n\n34 passed, 1 failed, 0 could not tell\n$/);
  expect(code).toBe(1);
});

it("what a store says is shown as text, and begins no line of the report", async () => {
  const message = "No.\u009b2J\u202e\npassed          upload: all is well";
  const { env } = await startS3((request) =>
    isPlainPut(request) ? s3Error(403, "AccessDenied", message) : undefined,
  );
  const { stdout } = await valetkey(["doctor"], env);
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
const isObject = ({ url }: Request) => new URL(url).pathname.includes("/orgs/");
const isPlainPut = (request: Request) =>
  request.method === "PUT" &&
  isObject(request) &&
  !new URL(request.url).searchParams.has("uploadId");
const ok = () => new Response("", { headers: { ETag: '"e"' } });
const isForPuts = (query: URLSearchParams) =>
  query.get("X-Amz-Credential")?.startsWith("a-key-for-uploads") === true;
/** The headers that the server of these tests takes, with what they do elsewhere. */
const TAKEN = HARMS.filter((harm) => harm !== "comes with a download").flatMap((harm) =>
  UNSIGNED_HEADERS[harm]
    .map((headers) => Object.keys(headers)[0] ?? "")
    .filter(
      (name) =>
        !/^x-(?:amz-copy-source|amz-meta-snowball-.*|delete-after|minio-source-.*)$/.test(name),
    )
    .map((name) => [name, harm] as const),
);

/** A store that obeys every header of a kind, as downloads show. */
function obeying(harm: Harm) {
  const names = TAKEN.flatMap(([name, does]) => (does === harm ? [name] : []));
  const sent = withHeader();
  const other = harm === "writes under another key";
  const isOpen = harm === "lets others read the file";
  const between: Between = async (request, usual) => {
    for (const name of names) sent.note(request, name);
    // Else each spelling of it would seem to have written what another header wrote.
    if (/snowball/.test([...request.headers].join())) return s3Error(403, "AccessDenied");
    const { method, isUnsigned } = request;
    if (method !== "GET" || isUnsigned !== isOpen) return usual();
    if (!other && !sent.has(request)) return usual();
    if (!other) return harm.startsWith("removes") ? s3Error(404, "NoSuchKey") : ok();
    const answer = await usual();
    return sent.any() && isObject(request) && answer.status === 404 ? ok() : answer;
  };
  return {
    what: `that obeys headers, of which each ${harm}`,
    between,
    failed: names.map((name) => new RegExp(`^unsigned headers: an unsigned ${name} ${harm}: `)),
  };
}

/** The paths of objects that came with a header. */
const withHeader = () => {
  const paths = new Set<string>();
  return {
    note: (request: Request, name: string) => {
      if (request.method === "PUT" && request.headers.has(name))
        paths.add(new URL(request.url).pathname);
    },
    any: () => paths.size > 0,
    has: ({ url }: Request) => paths.has(new URL(url).pathname),
  };
};
const tagged = withHeader();
const respelled = withHeader();
const repeated = withHeader();

/** What a store or something before it may do, and what the doctor says of it. */
interface Fault {
  readonly what: string;
  readonly between?: Between;
  readonly env?: Readonly<Record<string, string>>;
  readonly failed?: ReadonlyArray<string | RegExp>;
  readonly unknown?: ReadonlyArray<string | RegExp>;
  readonly passed?: ReadonlyArray<string | RegExp>;
}

const FAULTS: ReadonlyArray<Fault> = [
  {
    what: "that is another server",
    between: () => new Response("<html>It works!</html>"),
    failed: [/^endpoint: .* answered 200 with a web page, and not as a store$/],
    unknown: ["everything else: the store cannot be reached, so nothing further was tried"],
  },
  {
    what: "whose clock is 10 minutes ahead",
    between: async (_, usual) =>
      header(await usual(), "Date", new Date(Date.now() + 600_000).toUTCString()),
    failed: ["clock: this machine's clock is 10 min behind the store's"],
    passed: [/^upload: /, /^promise: a second PUT/],
  },
  {
    what: "that does not tell its time",
    between: async (_, usual) => header(await usual(), "Date", "never"),
    unknown: [/^clock: .*sends no Date/],
  },
  {
    what: "with the bucket in another region",
    between: async (_, usual) => header(await usual(), "x-amz-bucket-region", "eu-west-1"),
    failed: ["region: the bucket is in eu-west-1, and STORAGE_REGION is us-east-1"],
    unknown: ["everything else: the bucket cannot be used, so nothing further was tried"],
  },
  {
    what: "without the bucket",
    env: { STORAGE_BUCKET: "elsewhere" },
    failed: [/^bucket: the bucket elsewhere does not exist/],
    unknown: ["everything else: the bucket cannot be used, so nothing further was tried"],
  },
  {
    what: "that knows another secret",
    env: { STORAGE_PUT_SECRET_KEY: "another-secret-key" },
    failed: [/^upload: a PUT to .* was refused: .*STORAGE_PUT_SECRET_KEY/],
    unknown: ["promises: no upload works, so nothing was tried with one"],
  },
  {
    what: "whose policy lets the key put nothing",
    between: (request) =>
      isPlainPut(request) ? s3Error(403, "AccessDenied", "Not you.") : undefined,
    failed: [/^upload: a PUT to .* was refused: the key may not put \(AccessDenied: Not you\.\)$/],
    unknown: ["promises: no upload works, so nothing was tried with one"],
  },
  {
    what: "behind a proxy that adds a header",
    between: (request) =>
      isPlainPut(request)
        ? s3Error(
            403,
            "AccessDenied",
            "There were headers present in the request which were not signed",
          )
        : undefined,
    failed: [/^proxy: a proxy on the way adds an x-amz-\* header, which nobody signed; so http/],
    unknown: ["promises: no upload works, so nothing was tried with one"],
  },
  {
    what: "behind a proxy that adds a tag, which the store obeys",
    between: async (request, usual) =>
      request.method === "HEAD" && isObject(request)
        ? header(await usual(), "x-amz-tagging-count", "1")
        : usual(),
    failed: [
      "proxy: a proxy on the way adds x-amz-tagging, which nobody signed; the store obeys it",
    ],
  },
  {
    what: "behind a proxy that removes the ETag",
    between: async (request, usual) =>
      isPlainPut(request) ? header(await usual(), "ETag", undefined) : usual(),
    failed: ["upload: the answer to a PUT has no ETag"],
  },
  {
    what: "that gives other bytes back",
    between: async (request, usual) =>
      request.method === "GET" &&
      isObject(request) &&
      request.query.has("response-content-type") &&
      (await usual()).ok
        ? new Response("others")
        : usual(),
    failed: ["download: 6 other bytes were read back"],
  },
  {
    what: "whose key for downloads may not read",
    between: (request) =>
      request.method === "GET" && isObject(request) && request.query.has("response-content-type")
        ? s3Error(403, "AccessDenied")
        : undefined,
    failed: [/^download: reading back was refused: the key may not get \(AccessDenied/],
  },
  ...(
    [
      ["Access-Control-Allow-Methods", "GET", "the preflight does not allow PUT"],
      [
        "Access-Control-Allow-Headers",
        "content-type",
        "the preflight does not allow if-none-match, x-amz-checksum-sha256",
      ],
      [
        "Access-Control-Allow-Origin",
        "https://b.example.com",
        "the preflight is answered with 200, and it allows https://b.example.com",
      ],
    ] as const
  ).map(([name, value, seen]) => ({
    what: `that answers a preflight with ${name}: ${value}`,
    between: (async (request, usual) =>
      request.method === "OPTIONS"
        ? header(await usual(), name, value)
        : usual()) satisfies Between,
    failed: [`cors: https://app.example.com: ${seen}`],
  })),
  ...(
    [
      ["Access-Control-Allow-Origin", "the answer to the PUT itself does not allow the page"],
      ["Access-Control-Expose-Headers", "the page may upload, but not read the ETag"],
    ] as const
  ).map(([name, seen]) => ({
    what: `that answers a PUT without ${name}`,
    between: (async (request, usual) =>
      request.method === "PUT"
        ? header(await usual(), name, undefined)
        : usual()) satisfies Between,
    failed: [`cors: https://app.example.com: ${seen}`],
  })),
  {
    what: "that lets every page upload",
    between: async (_, usual) =>
      ["Origin", "Headers", "Methods"].reduce(
        (answer, name) => header(answer, `Access-Control-Allow-${name}`, "*"),
        header(await usual(), "Access-Control-Expose-Headers", "*"),
      ),
    env: { CORS_ORIGINS: "https://app.example.com" },
    passed: ["cors: https://app.example.com may upload, and read the ETag"],
  },
  {
    what: "whose key for the service may not look at objects",
    between: (request) =>
      request.method === "HEAD" && isObject(request)
        ? new Response(null, { status: 403 })
        : undefined,
    failed: [/^confirm: what was put cannot be looked at: /],
    unknown: [/^scratch: \d+ scratch keys below orgs\/valetkey-doctor\/ could not be removed$/],
  },
  {
    what: "whose key for the service may not begin uploads in parts",
    between: (request) => (request.method === "POST" ? s3Error(403, "AccessDenied") : undefined),
    failed: [/^parts: no upload in parts can be begun: /],
  },
  {
    what: "that refuses parts",
    between: (request) =>
      request.method === "PUT" && request.query.has("uploadId")
        ? s3Error(403, "AccessDenied")
        : undefined,
    failed: ["parts: a part of a large file is refused (403 AccessDenied)"],
  },
  {
    what: "that takes another type than was signed",
    between: (request) => (request.headers.get("content-type") === "text/html" ? ok() : undefined),
    failed: ["promise: a PUT of another type was accepted (200)"],
  },
  ...(
    [
      [1010, "longer"],
      [1008, "shorter"],
    ] as const
  ).map(([size, how]) => ({
    what: `that takes a byte ${how}`,
    between: ((request) =>
      isPlainPut(request) && request.headers.get("content-length") === `${size}`
        ? ok()
        : undefined) satisfies Between,
    failed: [`promise: a PUT that is one byte ${how} was accepted (200)`],
  })),
  {
    what: "that verifies no checksum",
    between: async (request, usual) => {
      const answer = await usual();
      return isPlainPut(request) && answer.status === 400 ? ok() : answer;
    },
    failed: ["sha256", "crc32c", "md5"].map(
      (name) => `promise: a PUT of other bytes than its ${name} says was accepted (200)`,
    ),
  },
  {
    what: "that takes no checksum",
    between: (request) =>
      request.headers.has("x-amz-checksum-crc32c") ? s3Error(501, "NotImplemented") : undefined,
    failed: ["promise: a PUT of the right bytes with their crc32c is refused (501 NotImplemented)"],
  },
  {
    what: "that lets a PUT be replayed",
    between: async (_, usual) => {
      const answer = await usual();
      return answer.status === 412 ? ok() : answer;
    },
    failed: ["promise: a second PUT by a write-once URL was accepted (200)"],
  },
  {
    what: "that takes no conditions",
    between: (request) =>
      request.headers.has("if-none-match") && !request.headers.has("origin")
        ? s3Error(501, "NotImplemented")
        : undefined,
    failed: ["promise: a write-once PUT is refused (501 NotImplemented)"],
  },
  {
    what: "that is open to everybody",
    between: (request) => (request.isUnsigned && request.method !== "OPTIONS" ? ok() : undefined),
    failed: [
      "public access: everybody can list the bucket without a signature",
      "public access: everybody can read an object without a signature",
      "public access: everybody can write an object without a signature",
    ],
  },
  {
    what: "whose key for uploads may list",
    between: ({ method, query }) =>
      method === "GET" && isForPuts(query) && query.has("max-keys") ? ok() : undefined,
    failed: ["least privilege: the key that signs uploads may also list the bucket"],
  },
  {
    what: "whose key for uploads may do everything",
    between: ({ method, query }) =>
      ["GET", "DELETE"].includes(method) && isForPuts(query) ? ok() : undefined,
    failed: [
      "least privilege: the key that signs uploads may also list the bucket, read objects, remove objects, as the root user or an administrator may",
    ],
  },
  {
    what: "that obeys x-amz-tagging",
    between: async (request, usual) => {
      tagged.note(request, "x-amz-tagging");
      return request.method === "GET" && tagged.has(request)
        ? header(await usual(), "x-amz-tagging-count", "1")
        : usual();
    },
    failed: [/^unsigned headers: an unsigned x-amz-tagging .*: a download has x-amz-tagging-count/],
  },
  {
    what: "that reads an underscore in a name as a hyphen",
    between: (request) => {
      respelled.note(request, "x_amz_copy_source");
      const { method, query, isUnsigned } = request;
      const isDownload = method === "GET" && !query.has("tagging") && !isUnsigned;
      return isDownload && respelled.has(request) ? new Response("another file") : undefined;
    },
    failed: [
      /^unsigned headers: an unsigned x-amz-copy-source, written with underscores, stores other bytes: a download has other bytes$/,
    ],
  },
  {
    what: "that repeats a header which confirm refuses",
    between: async (request, usual) => {
      repeated.note(request, "x-amz-storage-class");
      const isRead = ["GET", "HEAD"].includes(request.method) && repeated.has(request);
      return isRead ? header(await usual(), "x-amz-storage-class", "REDUCED_REDUNDANCY") : usual();
    },
    passed: [/^unsigned headers: none locks/],
  },
  {
    what: "that takes a forged upload",
    between: (request) => (request.headers.has("x-amz-trailer") ? ok() : undefined),
    failed: [/^forged upload: .*CVE-2026-41145/],
  },
  {
    what: "that refuses to be asked for checksums which it never gets",
    env: { STORAGE_PROVIDER: "s3" },
    between: ({ headers }) =>
      headers.has("x-amz-checksum-mode") ? s3Error(501, "NotImplemented") : undefined,
    passed: ["confirm: the service sees what was put, as it was sent"],
  },
  {
    what: "that verifies no signature",
    between: ({ method, query }) =>
      method === "PUT" && query.get("X-Amz-Signature") === "0".repeat(64) ? ok() : undefined,
    failed: ["signatures: a PUT with a wrong signature was accepted: the store verifies none"],
    unknown: ["everything else: the store verifies no signatures, so nothing further was tried"],
  },
  {
    what: "that takes signatures in a header alone",
    between: ({ query }) =>
      query.has("X-Amz-Signature") ? s3Error(403, "AccessDenied") : undefined,
    failed: [
      "bucket: the store does not see signatures (403 AccessDenied): something at STORAGE_ENDPOINT removes the query, or it takes signatures in headers alone",
    ],
    unknown: ["everything else: the bucket cannot be used, so nothing further was tried"],
  },
  {
    what: "that answers every question about its bucket with a list",
    between: ({ method, query }) =>
      method === "GET" &&
      ["versioning", "encryption", "object-lock", "lifecycle"].some((name) => query.has(name))
        ? new Response("<ListBucketResult></ListBucketResult>")
        : undefined,
    unknown: [
      "lifecycle: this store's answer about its lifecycle rules is not understood",
      ...["versioning", "encryption", "object lock"].map(
        (name) => `${name}: this store has no such setting, or does not show it`,
      ),
    ],
  },
  {
    what: "that hides its settings, and has no lock",
    between: ({ method, query }) =>
      method !== "GET"
        ? undefined
        : query.has("object-lock")
          ? s3Error(501, "NotImplemented")
          : query.has("encryption")
            ? s3Error(500, "InternalError")
            : query.has("versioning") || query.has("lifecycle")
              ? s3Error(403, "AccessDenied")
              : undefined,
    unknown: [
      "lifecycle: the bucket's lifecycle could not be read: 403 AccessDenied",
      "versioning: the service's key may not look at it",
      "encryption: the store is in trouble: it answered 500 InternalError",
      "object lock: this store has no such setting, or does not show it",
    ],
  },
  {
    what: "that keeps versions, encrypts and locks",
    between: ({ method, query }) =>
      method !== "GET"
        ? undefined
        : query.has("versioning")
          ? new Response(
              "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
            )
          : query.has("encryption")
            ? new Response(
                "<ServerSideEncryptionConfiguration><SSEAlgorithm>AES256</SSEAlgorithm></ServerSideEncryptionConfiguration>",
              )
            : query.has("object-lock")
              ? new Response(
                  "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>",
                )
              : undefined,
    passed: [
      "versioning: on: an overwritten file is kept as an older version",
      "encryption: the bucket encrypts with AES256",
      "object lock: on, without a default",
    ],
  },
  {
    what: "that removes nothing",
    between: ({ method }) => (method === "DELETE" ? s3Error(403, "AccessDenied") : undefined),
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
    unknown: [/^scratch: \d+ scratch keys below orgs\/valetkey-doctor\/ could not be removed$/],
  },
];

const matching = (expected: string | RegExp) =>
  typeof expected === "string" ? expected : expect.stringMatching(expected);

async function expectFound({ between, env, ...expected }: Fault) {
  const { code, findings } = await doctor(between, env);
  const { failed = [], unknown = [], passed = [] } = expected;
  expect(seenIn(findings, "failed")).toEqual(failed.map(matching));
  expect(seenIn(findings, "could not tell")).toEqual(unknown.map(matching));
  for (const each of passed) expect(seenIn(findings, "passed")).toContainEqual(matching(each));
  for (const { verdict, why, mend } of findings) {
    if (verdict === "failed") {
      expect([why, mend]).toEqual([expect.stringMatching(/./), expect.stringMatching(/./)]);
    }
  }
  expect(code).toBe(failed.length > 0 ? 1 : 0);
}

it.each([...new Set(TAKEN.map(([, harm]) => harm))].map(obeying))(
  "the doctor tells of a store $what",
  expectFound,
);

describe("the doctor with few headers", () => {
  useFewHeaders();

  it.each(FAULTS)("the doctor tells of a store $what", expectFound);
});

it("the mend of a page that may not upload is a command that says what to run", async () => {
  const { env } = await startS3();
  const swift = { ...env, STORAGE_PROVIDER: "swift" };
  const CORS_ORIGINS = "https://b.example.com";
  const { stdout } = await valetkey(["doctor", "--json"], { ...swift, CORS_ORIGINS });
  const { findings } = JSON.parse(stdout) as { findings: ReadonlyArray<Finding> };
  expect(findings.find(({ check }) => check === "cors")?.mend).toBe(
    `valetkey cors --origin ${CORS_ORIGINS} prints what to run`,
  );
  const cors = await valetkey(["cors", "--origin", CORS_ORIGINS, "--apply"], swift);
  expect(cors.stdout).toContain(
    `swift post files -m "Access-Control-Allow-Origin: ${CORS_ORIGINS}"`,
  );
  expect(cors.stderr).toContain("it replaces the origins that the container has");
  expect(cors.code).toBe(1);
});

it("the doctor ends its upload in parts also where the store does not list them", async () => {
  const asked: Array<string> = [];
  const { findings } = await doctor(({ method, query }) => {
    if (query.has("uploadId")) asked.push(method);
    return method === "GET" && query.has("uploadId") ? s3Error(403, "AccessDenied") : undefined;
  });
  expect(seenIn(findings, "could not tell")).toEqual([expect.stringMatching(/^parts: /)]);
  expect(asked).toEqual(["PUT", "GET", "DELETE"]);
});

const places = (findings: ReadonlyArray<Finding>) =>
  findings.filter(({ check }) => /endpoint|hosts|same bucket/.test(check));

describe("a store with an endpoint for browsers", () => {
  it("has two names for one store, and a URL for one of them is refused at the other", async () => {
    const { env, endpoint } = await startS3();
    const other = endpoint.replace("127.0.0.1", "localhost");
    const { stdout } = await valetkey(["doctor", "--json"], {
      ...env,
      STORAGE_PUBLIC_ENDPOINT: other,
    });
    expect(seenIn(places(JSON.parse(stdout).findings), "passed")).toEqual([
      `internal endpoint: ${endpoint} answers`,
      `public endpoint: ${other} answers`,
      `hosts: a URL for ${other} is refused at ${endpoint} (403 SignatureDoesNotMatch), and the other way round`,
      `same bucket: it was read at ${endpoint} too`,
    ]);
  });

  it("is told of a proxy that changes the header Host", async () => {
    const { env, endpoint } = await startS3(async (request, usual) => {
      const answer = await usual();
      const isForOther = request.headers.get("host")?.startsWith("localhost") === true;
      return isForOther && isPlainPut(request) && answer.status === 403 ? ok() : answer;
    });
    const other = endpoint.replace("127.0.0.1", "localhost");
    const { stdout } = await valetkey(["doctor", "--json"], {
      ...env,
      STORAGE_PUBLIC_ENDPOINT: other,
    });
    expect(seenIn(places(JSON.parse(stdout).findings), "failed")).toEqual([
      `hosts: a URL that was signed for ${endpoint} is accepted at ${other}: a proxy there changes the header Host`,
    ]);
  });

  it("is told which variable to correct where nothing listens", async () => {
    const { findings } = await doctor(undefined, {
      STORAGE_PUBLIC_ENDPOINT: "http://127.0.0.1:2",
    });
    const [dead, ...others] = findings.filter(({ verdict }) => verdict === "failed");
    expect(dead).toMatchObject({
      check: "public endpoint",
      seen: "http://127.0.0.1:2 refuses the connection: nothing listens there",
      mend: expect.stringContaining("STORAGE_PUBLIC_ENDPOINT"),
    });
    expect(others).toEqual([]);
  });
});
