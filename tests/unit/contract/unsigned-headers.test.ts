import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import {
  attemptWith,
  findEffect,
  HARMS,
  UNSIGNED_HEADERS,
} from "../../../adapters/contract/promises/unsigned-headers.ts";

const PLACE = {
  bucket: "files",
  other: "orgs/a/secret.png",
  readable: "https://store.example/secret.png",
  content: new Uint8Array(5000),
};
const CREATED = "orgs/a/new.png";

const download = (headers: Readonly<Record<string, string>> = {}, body = "body", status = 200) => ({
  status,
  ok: status < 300,
  headers: { "last-modified": "Fri, 27 Nov 2026 16:00:00 GMT", etag: '"e"', ...headers },
  body: Buffer.from(body),
});

it.each([
  [
    { "x-minio-source-mtime": "2001-01-01T00:00:00Z" },
    download({ "last-modified": "Mon, 01 Jan 2001 00:00:00 GMT" }),
    "its time is another",
  ],
  [
    { "x-minio-source-mtime": "2099-01-01T00:00:00Z" },
    download({
      date: "Fri, 27 Nov 2026 16:00:10 GMT",
      "last-modified": "Thu, 01 Jan 2099 00:00:00 GMT",
    }),
    "its time is another",
  ],
  [
    { "x-minio-source-mtime": "2099-01-01T00:00:00Z" },
    download({ "last-modified": "Thu, 01 Jan 2099 00:00:00 GMT" }),
    "its time is another",
  ],
  [
    { "x-oss-symlink-target": "/a" },
    download({
      date: "Fri, 27 Nov 2026 16:05:01 GMT",
      "last-modified": "Fri, 27 Nov 2026 16:05:00 GMT",
    }),
    undefined,
  ],
  [{ "x-minio-source-etag": "0123" }, download({ etag: '"0123"' }), 'a download has etag: "0123"'],
  [
    { "x-amz-tagging": "a=b" },
    download({ "x-amz-tagging-count": "1" }),
    "a download has x-amz-tagging-count: 1",
  ],
  [
    { "content-encoding": "gzip" },
    download({ "content-encoding": "gzip" }),
    "a download has content-encoding: gzip",
  ],
  [{ "x-amz-copy-source": "/a" }, download({}, "other"), "a download has other bytes"],
  [{ "x-delete-after": "1" }, download({}, "", 404), "a download is answered with 404"],
  [{ "x-amz-meta-mtime": "1" }, download({ "x-amz-meta-mtime": "1" }), undefined],
  [
    { "x-amz-acl": "private" },
    download({
      date: "Fri, 27 Nov 2026 16:00:31 GMT",
      "last-modified": "Fri, 27 Nov 2026 16:00:30 GMT",
    }),
    undefined,
  ],
] as const)("a download shows what %j did", (headers, after, effect) => {
  expect(findEffect(headers, download(), after)).toBe(effect);
});

it("every attempt has its values filled in, and a body of at least the size that is asked for", () => {
  for (const row of HARMS.flatMap((harm) => [...UNSIGNED_HEADERS[harm]])) {
    const { name, headers, body } = attemptWith(row, PLACE, CREATED);
    expect(headers).toHaveProperty([name]);
    expect(Object.values(headers).join()).not.toMatch(
      /BUCKET|OTHER|NEW|SIZE|SECONDS|INSTANT|READABLE/,
    );
    expect(body.length).toBe(PLACE.content.length);
  }
});

it("the archive holds one file, under its key and beside the archive", () => {
  const [row] = UNSIGNED_HEADERS["writes under another key"];
  const { body } = attemptWith(row, PLACE, CREATED);
  expect(execFileSync("tar", ["-tf", "-"], { input: body }).toString()).toBe(
    "orgs/a/new.png\nnew.png\n",
  );
});
