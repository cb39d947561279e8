import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import fc from "fast-check";
import type { IncomingMessage } from "node:http";
import { expect, it } from "vitest";
import { checksumFor } from "../../../adapters/contract/sending/digest.ts";
import { CONTENT, newKey, PNG, putRequest } from "../../../adapters/contract/sending/uploads.ts";
import type { Ability } from "../../../application/ports/abilities.ts";
import { azureBinding } from "../../../adapters/storage/azure/binding.ts";
import { factsIn } from "../../../adapters/storage/azure/blob-facts.ts";
import { newUploadId } from "../../../adapters/storage/azure/blocks.ts";
import { keyIn } from "../../../adapters/storage/azure/credentials.ts";
import { azureCopy, azureMultipart } from "../../../adapters/storage/azure/multipart.ts";
import { piecesOf } from "../../../adapters/storage/rest/pieces.ts";
import { azureObjectStore } from "../../../adapters/storage/azure/object-store.ts";
import { always } from "../../../adapters/storage/credentials/held.ts";
import { bucketAddress } from "../../../adapters/storage/signing/bucket-address.ts";
import { incomingKey } from "../../../domain/storage-key.ts";
import { serve } from "../../support/serve.ts";

/** A container whose server answers each request so. */
async function containerOf(answer: (request: IncomingMessage) => readonly [number, string]) {
  const { origin } = await serve((request, response) => {
    const [status, code] = answer(request);
    request.resume().on("end", () => {
      response.writeHead(status, { "x-ms-error-code": code, etag: '"0x1"' }).end();
    });
  });
  const endpoint = new URL("/acme", origin);
  const address = bucketAddress({ endpoint, bucket: "files", pathStyle: true, signsPath: false });
  const signer = always({
    sign: ({ origin, path, query }: { origin: string; path: string; query: Iterable<unknown> }) =>
      Effect.succeed(
        `${origin}${path}?${new URLSearchParams([...query] as Array<[string, string]>)}`,
      ),
  });
  const settings = { bucket: "files", createBucket: false, endpoint, account: "acme" };
  return { settings, bucket: { signer, address, region: "" }, client: signer };
}

const key = newKey();

it("the pieces of a copy are the whole file, each byte once", () => {
  const GIB = 2 ** 30;
  const sizes = fc.oneof(
    fc.integer({ min: 1, max: 6 * GIB }),
    fc.constantFrom(GIB - 1, GIB, GIB + 1, 3 * GIB),
  );
  fc.assert(
    fc.property(sizes, (size) => {
      let next = 0;
      for (const range of piecesOf(size)) {
        const [, first = "", last = ""] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
        expect(Number(first)).toBe(next);
        next = Number(last) + 1;
      }
      expect(next).toBe(size);
    }),
  );
});

it("each piece of a copy is on condition of the upload that was looked at", async () => {
  const conditions: Array<unknown> = [];
  const container = await containerOf(({ headers }) => {
    if (headers["x-ms-copy-source"]) conditions.push(headers["x-ms-source-if-match"]);
    return [201, ""];
  });
  const from = { key: incomingKey(key), etag: '"0x1"', version: undefined, size: 3 * 2 ** 30 };
  const copying = azureCopy(container)({ ...from, to: key, contentType: PNG });
  expect(await Effect.runPromise(copying)).toBe("copied");
  expect(conditions).toEqual(['"0x1"', '"0x1"', '"0x1"']);
});

it.each([
  [412, "LeaseIdMissing", "x-ms-lease-status"],
  [409, "InvalidBlobType", "x-ms-blob-type"],
  [409, "BlobUsesCustomerSpecifiedEncryption", "x-ms-encryption-key"],
])("a completion that is answered with %i %s is spoiled by %s", async (status, code, header) => {
  const { complete } = azureMultipart(await containerOf(() => [status, code]));
  const completing = complete({ key, uploadId: newUploadId(PNG), parts: [] });
  const failure = await Effect.runPromise(Effect.flip(completing));
  expect(failure).toMatchObject({ _tag: "ObjectUnreadable", header });
});

const answerUntil = (end: string) =>
  `<UserDelegationKey><SignedExpiry>${end}</SignedExpiry><Value>AAAA</Value></UserDelegationKey>`;

it("a key of a delegation ends when Azure says, and one without an end is none", () => {
  const found = keyIn("acme", answerUntil("2026-12-08T04:00:00Z"));
  expect(found).toMatchObject({ expiresAt: Date.UTC(2026, 11, 8, 4), account: "acme" });
  for (const end of ["", "never"]) expect(keyIn("acme", answerUntil(end))).toBeUndefined();
  expect(keyIn("acme", answerUntil("2026-12-08T04:00:00Z").replace("AAAA", ""))).toBeUndefined();
});

const signedBy = (bound: ReadonlyArray<Ability>) =>
  azureBinding(new Set(bound))(
    { ...putRequest(), checksum: checksumFor("md5", CONTENT) },
    "",
  ).signed.map(([name]) => name);

it("what a certificate shows is signed, and a checksum also where the type is not", () => {
  const other = ["content-type", "x-ms-blob-content-type", "x-ms-blob-type"];
  expect(signedBy(["md5"])).toEqual(["content-md5"]);
  expect(signedBy(["md5", "bound size"])).toEqual(["content-length", "content-md5"]);
  expect(signedBy(["md5", "bound type"])).toEqual(["content-md5", ...other]);
});

it.each([
  ["BlockBlob", {}],
  ["AppendBlob", { "x-ms-blob-type": "AppendBlob" }],
  ["PageBlob", { "x-ms-blob-type": "PageBlob" }],
  ["", { "x-ms-blob-type": "" }],
])("a blob of the kind %j has the further headers %j", (kind, extraHeaders) => {
  const headers = { "content-length": "5", etag: '"0x1"', "x-ms-blob-type": kind };
  expect(factsIn(new Headers(headers))?.extraHeaders).toEqual(extraHeaders);
});

it("a blob that is not there costs one call", async () => {
  let calls = 0;
  const container = await containerOf(() => (calls++, [404, "BlobNotFound"]));
  expect(await Effect.runPromise(azureObjectStore(container, new Set()).head(key))).toEqual(
    Option.none(),
  );
  expect(calls).toBe(1);
});
