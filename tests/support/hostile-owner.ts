// A double of a bucket whose owner means harm: it speaks S3's API as far as a caller gets drawn in,
// and misbehaves in one way.
import { type IncomingMessage, type ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { listen } from "./serve.ts";

export interface HostileOwner {
  readonly url: URL;
  /** Requests, such as `GET /files?list-type=2`. */
  readonly asked: ReadonlyArray<string>;
  /** Bytes that it could write. */
  readonly written: () => number;
  readonly close: () => Promise<void>;
}

type Way = (
  response: ServerResponse,
  request: IncomingMessage,
  count: (bytes: number) => void,
) => unknown;

const xml = { "Content-Type": "application/xml", ETag: '"e"' };

/** Writes without an end, as long as somebody reads. */
const pouring =
  (status: number, piece: string): Way =>
  (response, { method }, count) => {
    const bytes = Buffer.alloc(65_536, piece);
    response.writeHead(status, xml);
    // Which has no body.
    if (method === "HEAD") return response.end();
    const write = () => {
      do count(bytes.length);
      while (!response.destroyed && response.write(bytes));
    };
    response.on("drain", write);
    return write();
  };

/** Answers as no server of Node would. */
const raw =
  (answer: string): Way =>
  ({ socket }) =>
    socket?.end(answer, "latin1");

const says =
  (status: number, body: string | Buffer, headers = {}): Way =>
  (response) =>
    response.writeHead(status, { ...xml, ...headers }).end(body);

/** Lists of one item, each of which names another page. */
function endlessLists(): Way {
  let page = 0;
  return (response, { method, url = "" }) => {
    if (method !== "GET") return response.writeHead(204).end();
    page += 1;
    const { searchParams: query } = new URL(url, "http://owner");
    const key = `<Key>${query.get("prefix") ?? ""}</Key>`;
    const [root, next, item] = query.has("uploads")
      ? ([
          "ListMultipartUploadsResult",
          "",
          `<Upload>${key}<UploadId>${page}</UploadId><Initiated>2026-11-28T12:00:00Z</Initiated></Upload>`,
        ] as const)
      : query.has("uploadId")
        ? ([
            "ListPartsResult",
            `<NextPartNumberMarker>${page}</NextPartNumberMarker>`,
            "<Part><PartNumber>1</PartNumber><Size>1</Size><ETag>e</ETag></Part>".repeat(9999),
          ] as const)
        : ([
            "ListVersionsResult",
            `<NextKeyMarker>a</NextKeyMarker><NextVersionIdMarker>${page % 2}</NextVersionIdMarker>`,
            `<Version>${key}<VersionId>${page}</VersionId></Version>`,
          ] as const);
    const text = `<${root}><IsTruncated>true</IsTruncated>${next}${item}</${root}>`;
    return response.writeHead(200, xml).end(text);
  };
}

/** By the harm that is meant. */
export const HOSTILE = {
  "an answer without an end": pouring(200, "a"),
  "an error without an end": pouring(403, "<Code>"),
  "a bomb of gzip": says(200, gzipSync(Buffer.alloc(64 * 2 ** 20)), { "Content-Encoding": "gzip" }),
  "more headers than anybody needs": raw(`HTTP/1.1 200 OK\r\n${"X-A: b\r\n".repeat(100_000)}\r\n`),
  "another protocol": raw("HTTP/1.1 101 Other\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n"),
  "words that act on a terminal": says(
    403,
    `<Error><Code>${"A".repeat(99_999)}</Code><Message>\u001b[2J\u202e${"b".repeat(99_999)}</Message></Error>`,
  ),
  "a size that is no number": says(200, "", { "Content-Length": "9".repeat(400) }),
  "headers that act on a terminal": raw(
    `HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 5\r\nContent-Type: image/\u009b2J${"a".repeat(12_000)}\r\n\r\n`,
  ),
  "lists without an end": endlessLists(),
} satisfies Readonly<Record<string, Way>>;

export async function startHostileOwner(way: Way): Promise<HostileOwner> {
  const asked: Array<string> = [];
  let written = 0;
  const { server, url, close } = await listen((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    way(response, request, (bytes) => void (written += bytes));
  });
  server.on("connection", (socket) => socket.on("error", () => undefined));
  return { url, asked, written: () => written, close };
}
