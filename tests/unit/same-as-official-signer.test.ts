import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import fc from "fast-check";
import { expect, it } from "vitest";
import { AWS4_HMAC_SHA256 } from "../../adapters/storage/signing/algorithms.ts";
import { bucketAddress } from "../../adapters/storage/signing/bucket-address.ts";
import {
  canonicalRequest,
  encodeKey,
  type Pair,
  signedHeaders,
  stringToSign,
} from "../../adapters/storage/signing/v4.ts";
import { canonicalQuery, signQuery } from "../../adapters/storage/signing/sign-query.ts";
import { nastyText as text } from "../support/nasty-text.ts";
import { tries } from "../support/tries.ts";

// A key that begins with a slash or has dot segments is another path to the official client.
const key = text.filter((value) => !/^\/|(^|\/)\.{1,2}(\/|$)/.test(value));
const mediaType = fc.constantFrom(
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
  mediaType,
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

it("our signature equals the official presigner's for the same query and headers", async () => {
  await fc.assert(
    fc.asyncProperty(request, async (given) => {
      const url = new URL(await officialUrl(given));
      const query = [...url.searchParams].filter(([name]) => name !== "X-Amz-Signature");
      const headers = headersOf(given, url.host);
      expect(signedHeaders(headers)).toBe(url.searchParams.get("X-Amz-SignedHeaders"));
      expect(signatureOf(given, encodedPath(given, url.hostname), query, headers)).toBe(
        url.searchParams.get("X-Amz-Signature"),
      );
    }),
    { numRuns: tries(600) },
  );
});

it("our signer signs a whole URL in its canonical form", () => {
  fc.assert(
    fc.property(request, (given) => {
      const { host, origin } = new URL(given.endpoint ?? "https://files.s3.amazonaws.com");
      const path = `/${encodeKey(given.key)}`;
      const headers = headersOf(given, host);
      const overrides: ReadonlyArray<Pair> =
        given.disposition === null ? [] : [["response-content-disposition", given.disposition]];
      const signed = signQuery(keysOf(given), {
        ...given,
        origin,
        path,
        query: overrides,
        headers,
      });
      const sent = signed.slice(signed.indexOf("?") + 1);
      const query = [...new URLSearchParams(sent)].filter(([name]) => name !== "X-Amz-Signature");
      // The query as sent is the canonical one already, but for the place of the signature.
      expect(sent.replace(/&X-Amz-Signature=.*$/, "")).toBe(canonicalQuery(query));
      expect(signed).toMatch(new RegExp(`${signatureOf(given, path, query, headers)}$`));
    }),
    { numRuns: tries(500) },
  );
});

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
          ContentType: given.mediaType,
          ContentLength: given.size,
          ...(given.writeOnce ? { IfNoneMatch: "*" } : {}),
        })
      : new GetObjectCommand({
          ...object,
          ResponseContentType: given.mediaType,
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

function headersOf({ method, mediaType, size, writeOnce }: Given, host: string): Array<Pair> {
  if (method === "GET") return [["host", host]];
  return [
    ["content-length", String(size)],
    ["content-type", mediaType],
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

function signatureOf(
  given: Given,
  path: string,
  query: ReadonlyArray<Pair>,
  headers: ReadonlyArray<Pair>,
): string {
  const timestamp = new Date(given.now).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = timestamp.slice(0, 8);
  return AWS4_HMAC_SHA256.signer(
    given.secret,
    day,
    given.region,
  )(
    stringToSign({
      algorithm: AWS4_HMAC_SHA256,
      timestamp,
      scope: AWS4_HMAC_SHA256.scope(day, given.region),
      canonicalRequest: canonicalRequest({
        method: given.method,
        path,
        query: canonicalQuery(query),
        headers,
        signedHeaders: signedHeaders(headers),
      }),
    }),
  );
}
