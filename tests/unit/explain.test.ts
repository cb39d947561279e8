import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CLIENT_FAULTS, explain, type FailedRequest } from "../../adapters/cli/doctor/explain.ts";

const NOW = Date.UTC(2026, 10, 25, 12, 0, 0);
const SIGNATURE = "0123456789abcdef".repeat(4);
const TOKEN = "a-session-token";

/** A signed PUT of this minute, with the given changes. */
function signed(
  over: Readonly<Record<string, string>> = {},
  place = "https://s3.example/files/k",
): string {
  const url = new URL(place);
  for (const [name, value] of Object.entries({
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "AKIA/20261125/us-east-1/s3/aws4_request",
    "X-Amz-Date": "20261125T115930Z",
    "X-Amz-Expires": "900",
    "X-Amz-Security-Token": TOKEN,
    "X-Amz-SignedHeaders": "content-length;content-type;host;if-none-match",
    "X-Amz-Signature": SIGNATURE,
    ...over,
  })) {
    url.searchParams.set(name, value);
  }
  return url.href;
}

const answer = (code: string, further = "") => `<Error><Code>${code}</Code>${further}</Error>`;

/** An answer that shows which headers the store signed: those of the URL, with these changes. */
function mismatch(over: Readonly<Record<string, string | undefined>>): string {
  const seen = {
    "content-length": "5",
    "content-type": "image/png",
    host: "s3.example",
    "if-none-match": "*",
    ...over,
  };
  const lines = Object.entries(seen).map(([name, value]) => value && `${name}:${value}\n`);
  return answer(
    "SignatureDoesNotMatch",
    `<CanonicalRequest>PUT\n/files/k\nX-Amz-Signature=${SIGNATURE}\n${lines.join("")}\nhost\nUNSIGNED-PAYLOAD</CanonicalRequest><SignatureProvided>${SIGNATURE}</SignatureProvided>`,
  );
}

/** Signed by Valetkey for Ceph, and for MinIO. */
const FORBIDDING = {
  ceph: signed({ "X-Amz-SignedHeaders": "content-type;host;x-amz-acl;x-amz-copy-source" }),
  minio: signed({ "X-Amz-SignedHeaders": "host;x-minio-source-mtime", "x-minio-source-mtime": "" }),
};

it("headers that a URL forbids are not missed where they are absent", () => {
  for (const url of Object.values(FORBIDDING)) {
    const body = answer("SignatureDoesNotMatch");
    const headers = new Map([["content-type", "image/png"]]);
    const causes = explain({ url, method: "PUT", status: 403, body, now: NOW, sent: headers });
    expect(JSON.stringify(causes)).not.toMatch(/x-amz-acl|copy-source|mtime/);
  }
});

/** MinIO's words. */
const NOT_SIGNED = answer(
  "AccessDenied",
  "<Message>There were headers present in the request which were not signed</Message>",
);

const CASES: ReadonlyArray<readonly [name: string, Partial<FailedRequest>, cause: string]> = [
  [
    "a header that a URL for Ceph forbids",
    { url: FORBIDDING.ceph, sent: new Map([["x-amz-acl", "private"]]) },
    "the request has x-amz-acl, which the URL forbids",
  ],
  [
    "a header that a URL for MinIO forbids",
    { url: FORBIDDING.minio, sent: new Map([["x-minio-source-mtime", "2001-01-01"]]) },
    "the request has x-minio-source-mtime, which the URL forbids",
  ],
  ["text that is not a URL", { url: "https" }, "not a URL"],
  ["a URL without its query", { url: "https://s3.example/files/k" }, "has lost its query"],
  [
    "a URL that was escaped for HTML",
    { url: signed().replaceAll("&", "&amp;") },
    "escaped for HTML",
  ],
  [
    "a URL of an older signature",
    { url: "https://s3.example/k?AWSAccessKeyId=a&Signature=b" },
    "older version",
  ],
  [
    "a URL that was encoded twice",
    { url: signed().replaceAll("%2F", "%252F") },
    "encoded a second time",
  ],
  [
    "the checksum of an empty file, by an SDK's default",
    { url: signed({ "x-amz-checksum-crc32": "AAAAAA==" }) },
    "x-amz-checksum-crc32=AAAAAA==, the checksum of an empty file",
  ],
  [
    "an expired URL",
    { url: signed({ "X-Amz-Date": "20261125T114000Z" }) },
    "has expired 5 minutes ago; it was signed for 15 minutes",
  ],
  [
    "a clock that was ahead when it signed",
    { url: signed({ "X-Amz-Date": "20261125T122000Z" }) },
    "a clock that is 20 minutes ahead",
  ],
  [
    "a store whose clock differs",
    { body: answer("RequestTimeTooSkewed", "<ServerTime>2026-11-25T12:20:00Z</ServerTime>") },
    "the store's clock is 20 minutes ahead of this machine's",
  ],
  [
    "a store that says expired too early",
    { body: answer("AccessDenied", "<Message>Request has expired</Message>") },
    "the clocks differ",
  ],
  [
    "a host that was swapped",
    { hosts: ["files.example"] },
    "the host s3.example is not one that this configuration signs for (files.example)",
  ],
  [
    "a proxy that changes Host",
    { body: mismatch({ host: "minio:9000" }) },
    "the store saw the host minio:9000, and the URL is for s3.example",
  ],
  [
    "another type",
    { body: mismatch({ "content-type": "text/plain;charset=UTF-8" }) },
    "content-type (it came as text/plain;charset=UTF-8)",
  ],
  [
    "a header that the store did not get",
    { body: mismatch({ "if-none-match": undefined }) },
    "the header if-none-match is missing",
  ],
  [
    "a header that the client did not send",
    { sent: new Map([["content-type", "image/png"]]) },
    "the header if-none-match is missing",
  ],
  [
    "a signed header that the client did not send, at a store that speaks of headers not signed",
    { body: NOT_SIGNED, sent: new Map([["content-type", "image/png"]]) },
    "the header if-none-match is missing",
  ],
  [
    "a header that is missing or was added, where nobody tells what was sent",
    { body: NOT_SIGNED },
    "one of content-type, if-none-match is missing, which the URL binds; or the request has an x-amz-* header",
  ],
  [
    "a header that was added, at a store that does not name it",
    {
      body: NOT_SIGNED,
      sent: new Map([
        ["content-type", "image/png"],
        ["if-none-match", "*"],
        ["x-amz-acl", "public-read"],
      ]),
    },
    "the request has an x-amz-* header, which was not signed",
  ],
  [
    "a signature that does not match, at a store that tells nothing",
    { status: 403, body: answer("SignatureDoesNotMatch") },
    "a signed value was changed: content-length, content-type, if-none-match",
  ],
  [
    "a PUT to a URL for GET",
    {
      url: signed({ "X-Amz-SignedHeaders": "host" }),
      method: "PUT",
      body: answer("SignatureDoesNotMatch"),
    },
    "PUT was sent, and this URL looks like one for GET",
  ],
  [
    "the wrong region",
    { body: answer("AuthorizationHeaderMalformed", "<Region>eu-central-1</Region>") },
    "signed for the region us-east-1, and the bucket is in eu-central-1",
  ],
  [
    "another key than is configured",
    { accessKeys: ["OTHER"] },
    "another access key than this configuration has",
  ],
  [
    "a key that was deleted",
    { body: answer("InvalidAccessKeyId") },
    "does not know the access key",
  ],
  ["temporary credentials that ended", { body: answer("ExpiredToken") }, "has expired"],
  [
    "a header that nobody signed",
    { body: answer("AccessDenied", "<HeadersNotSigned>x-amz-acl</HeadersNotSigned>") },
    "the request has x-amz-acl, which was not signed",
  ],
  [
    "a key without permission",
    { status: 403, body: answer("AccessDenied") },
    "the key may not do this",
  ],
  [
    "an answer that is not from a store",
    { status: 403, body: "<html>Forbidden</html>" },
    "something in front of it answered",
  ],
  [
    "a file that was written already",
    { status: 412, body: answer("PreconditionFailed") },
    "was written already",
  ],
  [
    "other bytes than granted",
    { status: 400, body: answer("BadDigest") },
    "not those of the checksum",
  ],
  ["the lowest status of a refusal", { status: 400 }, "something in front of it answered"],
  ["an answer that is no refusal", { status: 304 }, "nothing in the URL or the answer differs"],
  ["nothing that differs", {}, "nothing in the URL or the answer differs"],
];

describe("valetkey doctor --explain", () => {
  it.each(CASES)("names %s, and shows no signature or token", (_name, over, expected) => {
    const causes = explain({ url: signed(), now: NOW, ...over });
    expect(causes[0]?.what).toContain(expected);
    expect(causes[0]?.mend).not.toBe("");
    const text = JSON.stringify(causes);
    expect(text).not.toContain(SIGNATURE);
    expect(text).not.toContain(TOKEN);
  });

  it("names a URL of Google's that has expired", () => {
    const url = signed().replaceAll("X-Amz-", "X-Goog-").replace("115930", "110000");
    expect(explain({ url, now: NOW })[0]?.what).toContain("has expired 45 minutes ago");
  });
});

/** The part of the pages about refusals of stores. */
const PAGE = readdirSync("docs")
  .filter((name) => name.endsWith(".md"))
  .flatMap((name) => readFileSync(`docs/${name}`, "utf8").split(/^## /m))
  .filter((section) => section.startsWith("A refusal from the store"))
  .join("");

describe("the page about refusals of stores", () => {
  const codes = new Set(PAGE.match(/(?<=`)[A-Z]+[a-z][A-Za-z]{6,}(?=`)/g));

  it.each([...codes, "AccessDenied"])("and --explain give a cause for %s", (code) => {
    const [cause] = explain({ url: signed(), now: NOW, status: 403, body: answer(code) });
    expect(cause?.what).not.toContain("nothing in the URL or the answer differs");
  });

  it.each([...CLIENT_FAULTS.keys()])("has %s, which --explain knows", (code) => {
    expect(codes).toContain(code);
  });
});
