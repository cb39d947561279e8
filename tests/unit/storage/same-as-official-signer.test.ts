import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import fc from "fast-check";
import { expect, it } from "vitest";
import { AWS4_HMAC_SHA256 } from "../../../adapters/storage/signing/algorithms.ts";
import { bucketAddress } from "../../../adapters/storage/signing/bucket-address.ts";
import { encodeKey, type Pair } from "../../../adapters/storage/signing/v4.ts";
import { canonicalQuery, signQuery } from "../../../adapters/storage/signing/sign-query.ts";
import { nastyText as text } from "../../support/nasty-text.ts";
import { tries } from "../../support/tries.ts";

// A key that begins with a slash or has dot segments is another path to the official client.
const key = text.filter((value) => !/^\/|(^|\/)\.{1,2}(\/|$)/.test(value));
const contentType = fc.constantFrom(
  "image/png",
  "text/plain; charset=utf-8",
  'video/mp4; codecs="avc1.4d002a, mp4a.40.2"',
);
const endpoint = fc.constantFrom(
  undefined,
  "https://store.example.com",
  "http://127.0.0.1:9000",
  "http://store.example.com:8080/prefix",
);

const request = fc.record({
  key,
  method: fc.constantFrom("GET", "PUT"),
  contentType,
  size: fc.nat({ max: 2 ** 31 }),
  writeOnce: fc.boolean(),
  disposition: fc.option(
    text.map((value) => `attachment; filename="${encodeURIComponent(value)}"`),
  ),
  endpoint,
  pathStyle: fc.boolean(),
  region: fc.constantFrom("us-east-1", "eu-central-1", "local"),
  secret: fc.string({ minLength: 1, maxLength: 40 }),
  sessionToken: fc.option(fc.base64String({ minLength: 4, maxLength: 64 }), { nil: undefined }),
  now: fc.integer({ min: Date.UTC(2015, 0), max: Date.UTC(2090, 0) }),
  expiresIn: fc.integer({ min: 1, max: 604_800 }),
});

it("our URL has the parameters and the signature of the official presigner's", async () => {
  await fc.assert(
    fc.asyncProperty(request, async (given) => {
      const official = new URL(await officialUrl(given));
      const further = [...official.searchParams].filter(([name]) => !OWN.has(name));
      const { host, hostname, origin } = official;
      const ours = signQuery(keysOf(given), {
        ...given,
        origin,
        path: encodedPath(given, hostname),
        query: further,
        headers: headersOf(given, host),
      });
      const { searchParams } = new URL(ours);
      for (const parameters of [searchParams, official.searchParams]) parameters.sort();
      expect([...searchParams]).toEqual([...official.searchParams]);
      // The query is sent as it was signed, but for the place of the signature.
      const query = [...searchParams].filter(([name]) => name !== "X-Amz-Signature");
      expect(ours).toContain(`?${canonicalQuery(query)}&X-Amz-Signature=`);
    }),
    { numRuns: tries(600) },
  );
});

/** What the signer adds by itself. */
const OWN = new Set(
  [
    "Algorithm",
    "Credential",
    "Date",
    "Expires",
    "Security-Token",
    "Signature",
    "SignedHeaders",
  ].map((name) => `X-Amz-${name}`),
);

type Given = typeof request extends fc.Arbitrary<infer A> ? A : never;

const ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE";
const keysOf = ({ secret, sessionToken }: Given) => ({
  algorithm: AWS4_HMAC_SHA256,
  accessKey: ACCESS_KEY,
  secretKey: secret,
  sessionToken,
});

function officialUrl(given: Given): Promise<string> {
  const client = new S3Client({
    region: given.region,
    forcePathStyle: given.pathStyle,
    requestChecksumCalculation: "WHEN_REQUIRED",
    ...(given.endpoint === undefined ? {} : { endpoint: given.endpoint }),
    credentials: {
      accessKeyId: ACCESS_KEY,
      secretAccessKey: given.secret,
      ...(given.sessionToken === undefined ? {} : { sessionToken: given.sessionToken }),
    },
  });
  const object = { Bucket: "files", Key: given.key };
  const command =
    given.method === "PUT"
      ? new PutObjectCommand({
          ...object,
          ContentType: given.contentType,
          ContentLength: given.size,
          ...(given.writeOnce ? { IfNoneMatch: "*" } : {}),
        })
      : new GetObjectCommand({
          ...object,
          ResponseContentType: given.contentType,
          ...(given.disposition === null ? {} : { ResponseContentDisposition: given.disposition }),
        });
  const bound = new Set(["content-length", "content-type", "host", "if-none-match"]);
  return getSignedUrl(client, command as GetObjectCommand, {
    expiresIn: given.expiresIn,
    signingDate: new Date(given.now),
    signableHeaders: bound,
    unhoistableHeaders: bound,
  });
}

function headersOf({ method, contentType, size, writeOnce }: Given, host: string): Array<Pair> {
  if (method === "GET") return [["host", host]];
  return [
    ["content-length", String(size)],
    ["content-type", contentType],
    ["host", host],
    ...(writeOnce ? ([["if-none-match", "*"]] as const) : []),
  ];
}

/** The path by our own rules, for the addressing style that the client chose. */
function encodedPath({ key, endpoint }: Given, hostname: string): string {
  const own = new URL(endpoint ?? `https://${hostname}`);
  const pathStyle = !hostname.startsWith("files.");
  const address = bucketAddress({ endpoint: own, bucket: "files", pathStyle, signsPath: true });
  return `${address.path}/${encodeKey(key)}`;
}
