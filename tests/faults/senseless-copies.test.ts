import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerWith, type Fault, startFaultyServer } from "../support/faulty-server.ts";
import { isFullRun } from "../support/full-run.ts";
import type { ServiceProcess } from "../support/service-process.ts";
import { Ledger } from "./ledger.ts";
import { client, MINIO, minio, startWaiting } from "./waiting-service.ts";

const bucket = `senseless-${crypto.randomUUID()}`;

const CREATE = "POST object uploads";
const COPY = "PUT object partNumber uploadId";
const COMPLETE = "POST object uploadId";
const LOOK = "HEAD object";

const xml = (body: string): Fault => answerWith(200, { "Content-Type": "application/xml" }, body);
const error = (code: string) => `<?xml version="1.0"?>\n<Error><Code>${code}</Code></Error>`;
const copied = (etag: string) => `<CopyPartResult><ETag>${etag}</ETag></CopyPartResult>`;
const PAGE = "<!DOCTYPE html><title>Sign in</title>";
const begun = (id: string) =>
  `<InitiateMultipartUploadResult>${id}</InitiateMultipartUploadResult>`;
const COMPLETED = "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>";

/** The store does what it is asked for, and answers something else. */
const doneBut =
  (fault: Fault): Fault =>
  async (response, incoming, pass) => {
    await text(await pass());
    fault(response, incoming, pass);
  };

/** The file, once it is there, is described with another header. */
const described =
  (name: string, value: string): Fault =>
  async (response, incoming, pass) => {
    const { statusCode = 502, headers } = await pass();
    const isFile = incoming.url?.startsWith(`/${bucket}/orgs/`) === true && statusCode === 200;
    response.writeHead(statusCode, { ...headers, ...(isFile && { [name]: value }) }).end();
  };

/** Instead of the copy, the store takes these bytes. */
const tookOther =
  (bytes: string): Fault =>
  async (response, { url = "" }: IncomingMessage, pass) => {
    const { pathname, searchParams } = new URL(url, MINIO);
    const key = decodeURIComponent(pathname.slice(bucket.length + 2));
    const query = { partNumber: "1", uploadId: searchParams.get("uploadId") ?? "" };
    const to = await client.presignedUrl("PUT", bucket, key, 60, query);
    const { headers } = await fetch(to, { method: "PUT", body: bytes });
    xml(copied(headers.get("etag") ?? ""))(response, {} as IncomingMessage, pass);
  };

const NO_STORE = /has no error code, so it is not from a store/;
const WEB_PAGE = /a web page was answered in the place of the store/;
const MAY_NOT_COPY = /may not copy an upload to its place/;
const UNKNOWN_PARTS = /does not know the parts that it has copied/;
const NOT_AS_GRANTED = /has copied an upload, and the file is not there as it was granted/;

/** Of 16 KiB and more. */
const WORST: ReadonlyArray<readonly [name: string, body: string, reason: RegExp]> = [
  ["angle brackets", "<".repeat(20_000), NO_STORE],
  ["a tag without an end", `<CopyPartResult><ETag>${"a".repeat(20_000)}`, NO_STORE],
  ["an endless ETag", copied("&quot;".repeat(4000)), UNKNOWN_PARTS],
  ["NUL and closing tags", copied("\0\r\n</ETag>".repeat(3000)), /MalformedXML/],
  ["elements in elements", "<CopyPartResult>".repeat(1200), NO_STORE],
];

/** With the reason in the log. */
type Case = readonly [name: string, request: string, fault: Fault, reason: RegExp];
const CASES: ReadonlyArray<Case> = [
  ["begins without an id", CREATE, xml(begun("")), NO_STORE],
  ["begins with an empty id", CREATE, xml(begun("<UploadId></UploadId>")), NO_STORE],
  ["begins with a page", CREATE, xml(PAGE), WEB_PAGE],
  ["copies nothing, with another ETag", COPY, xml(copied('"0"')), UNKNOWN_PARTS],
  ["copies, with another ETag", COPY, doneBut(xml(copied('"0"'))), UNKNOWN_PARTS],
  ["copies with an error under 200", COPY, xml(error("InternalError")), /InternalError/],
  ["copies, with an error under 200", COPY, doneBut(xml(error("AccessDenied"))), MAY_NOT_COPY],
  ["copies with no answer under 200", COPY, xml(""), NO_STORE],
  ["copies with a page", COPY, xml(PAGE), WEB_PAGE],
  ...(isFullRun ? WORST : WORST.slice(0, 1)).map(([name, body, reason]): Case => [
    `copies with ${name}`,
    COPY,
    xml(body),
    reason,
  ]),
  ["copies other bytes of another size", COPY, tookOther("other"), NOT_AS_GRANTED],
  ["completes with an error under 200", COMPLETE, xml(error("InternalError")), /InternalError/],
  ["completes, with an error under 200", COMPLETE, doneBut(xml(error("Odd"))), /answered Odd/],
  ["completes, with no answer", COMPLETE, doneBut(xml("")), NO_STORE],
  ["says that it completed, and did not", COMPLETE, xml(COMPLETED), NOT_AS_GRANTED],
  ["names another size of the file", LOOK, described("content-length", "7"), NOT_AS_GRANTED],
  ["names another type of the file", LOOK, described("content-type", "text/html"), NOT_AS_GRANTED],
  ["names a coding of the file", LOOK, described("content-encoding", "gzip"), NOT_AS_GRANTED],
];

describe.skipIf(minio === undefined)("a store that makes no sense while it copies", () => {
  let front: Awaited<ReturnType<typeof startFaultyServer>>;
  let service: ServiceProcess;
  beforeAll(async () => {
    front = await startFaultyServer(MINIO);
    service = await startWaiting(front.url, bucket);
  });
  afterAll(async () => {
    await service.stop();
    front.close();
  });

  it.each(CASES)(
    "which %s, shows no other file, and the next confirm ends well",
    async (_, request, fault, reason) => {
      const ledger = new Ledger(() => service);
      ledger.allow({ confirm: ["200", "503 STORE_UNAVAILABLE"] });
      const upload = ledger.file({ asked: { policy: "waiting" }, waits: true });
      await ledger.advance(upload, 2);
      const before = service.output().length;
      front.state.faults.set(request, fault);
      expect(await ledger.advance(upload)).toBe(false);
      front.state.faults.clear();
      const found = await ledger.read(upload.key());
      expect(found?.equals(upload.bytes)).not.toBe(false);
      await expect.poll(() => service.output().slice(before)).toMatch(reason);
      expect(await ledger.advance(upload), ledger.summary()).toBe(true);
      await ledger.repeat(upload);
      expect((await ledger.read(upload.key()))?.equals(upload.bytes)).toBe(true);
      expect(ledger.wrong).toEqual([]);
    },
  );
});
