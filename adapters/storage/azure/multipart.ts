import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { Copies, MultipartId, Parts } from "../../../application/ports/object-store.ts";
import { ObjectUnreadable } from "../../../domain/errors.ts";
import type { ObjectKey } from "../../../domain/storage-key.ts";
import { piecesOf } from "../rest/pieces.ts";
import { type Bucket, headObject, signedFetch } from "../rest/signed-fetch.ts";
import type { Pair } from "../signing/v4.ts";
import { blockId, blockList, blocksIn, MARKER, mediaTypeIn, newUploadId } from "./blocks.ts";
import { NAMES } from "./binding.ts";
import { type AzureContainer, breakingLease, refuse, sourceUrl } from "./container.ts";
import { listBlobs } from "./list.ts";
import { errorCode } from "./refusal.ts";

/** Uploads with "Put Block" and "Put Block List", Azure Storage documentation. */
export const azureMultipart = (container: AzureContainer): Parts => {
  const { bucket } = container;
  return {
    abandoned: "Azure itself removes blocks that nobody commits, a week after the last of them",
    create: Effect.fnUntraced(function* ({ key, contentType }) {
      const uploadId = newUploadId(contentType);
      const answer = yield* putBlock(container, { key, uploadId }, MARKER, { body: "-" });
      return answer.ok ? uploadId : yield* refuse(container, answer);
    }),
    list: Effect.fnUntraced(function* ({ key, uploadId }) {
      const query = [["comp", "blocklist"] as const, ["blocklisttype", "uncommitted"] as const];
      const answer = yield* signedFetch(bucket, { method: "GET", key, query });
      // A blob of another kind has no blocks.
      if (["BlobNotFound", INVALID_TYPE].includes(errorCode(answer) ?? "")) return Option.none();
      const blocks = answer.ok ? blocksIn(answer.text, uploadId) : undefined;
      if (blocks === undefined) return yield* refuse(container, answer);
      const parts = blocks.filter(({ partNumber }) => partNumber !== MARKER);
      return parts.length === blocks.length
        ? Option.none()
        : Option.some(parts.toSorted((a, b) => a.partNumber - b.partNumber));
    }),
    complete: Effect.fnUntraced(function* ({ key, uploadId, parts }) {
      const ids = parts.map(({ etag }) => etag);
      const answer = yield* commit(bucket, key, ids, mediaTypeIn(uploadId));
      if (answer.ok) return "completed";
      const code = errorCode(answer);
      if (EXISTS.has(code)) return "exists";
      const header = SPOILED_BY.get(code);
      if (header !== undefined) return yield* new ObjectUnreadable({ header });
      return code === "InvalidBlockList" ? "ended" : yield* refuse(container, answer);
    }),
    // Writes an empty blob over the blocks, and removes it.
    abort: Effect.fnUntraced(function* ({ key }) {
      const empty = yield* breakingLease(container, key, commit(bucket, key, [], ""));
      const code = errorCode(empty);
      if (EXISTS.has(code) || code === INVALID_TYPE) return;
      const etag = empty.headers.get("etag");
      if (!empty.ok || etag === null) return yield* refuse(container, empty);
      const headers = [["if-match", etag] as const];
      const answer = yield* signedFetch(bucket, { method: "DELETE", key, headers });
      if (!answer.ok && ![404, 412].includes(answer.status)) yield* refuse(container, answer);
    }),
    listOpen: Effect.fnUntraced(function* ({ prefix, after }) {
      const query = { prefix, after: after?.key, include: "uncommittedblobs" };
      const { found, next } = yield* listBlobs(container, query);
      // A list shows uncommitted blobs only as empty ones that `head` does not see.
      const isOpen = Effect.fnUntraced(function* ({ key }: { readonly key: string }) {
        return errorCode(yield* headObject(bucket, key as ObjectKey)) === "BlobNotFound";
      });
      const empty = found.filter(({ size }) => size === 0);
      const open = yield* Effect.filter(empty, isOpen, { concurrency: 16 });
      return {
        found: open.map(({ key }) => ({ key, ...UNKNOWN })),
        ...(next && { next: { key: next, ...UNKNOWN } }),
      };
    }),
  };
};

/** Azure lists neither the uploads of blocks nor when they began. */
const UNKNOWN = { uploadId: "", age: 0 };

/**
 * Copies in blocks: nobody can read them before they are committed, and only the bytes of the
 * upload are copied. "Put Block From URL", Azure Storage documentation.
 */
export const azureCopy =
  (container: AzureContainer): Copies["copy"] =>
  ({ key, etag, size, to, contentType, names }) =>
    Effect.gen(function* () {
      const { bucket } = container;
      const source = yield* sourceUrl(container, key);
      const upload = { key: to, uploadId: newUploadId(contentType) };
      const answers = yield* Effect.forEach(piecesOf(size), (range, index) =>
        putBlock(container, upload, index + 1, {
          headers: [
            ["x-ms-copy-source", source],
            ["x-ms-source-if-match", etag],
            ["x-ms-source-range", range],
          ],
        }),
      );
      const failed = answers.find(({ ok }) => !ok);
      if (failed !== undefined) {
        const isChanged = [404, 412].includes(failed.status) && errorCode(failed) !== NO_CONTAINER;
        return isChanged ? "changed" : yield* refuse(container, failed);
      }
      const ids = answers.map((_, index) => blockId(upload.uploadId, index + 1));
      const answer = yield* commit(bucket, to, ids, contentType, names);
      if (answer.ok) return "copied";
      // Another commit drops the blocks of this copy.
      const code = errorCode(answer);
      const isOther = EXISTS.has(code) || code === "InvalidBlockList";
      return isOther ? "exists" : yield* refuse(container, answer);
    });

const NO_CONTAINER = "ContainerNotFound";

const INVALID_TYPE = "InvalidBlobType";

/** Errors by which a client's blocks make no blob: "Blob Storage error codes". */
const SPOILED_BY: ReadonlyMap<string | undefined, string> = new Map([
  ["LeaseIdMissing", "x-ms-lease-status"],
  [INVALID_TYPE, "x-ms-blob-type"],
  ["BlobUsesCustomerSpecifiedEncryption", "x-ms-encryption-key"],
]);

const EXISTS: ReadonlySet<string | undefined> = new Set(["BlobAlreadyExists", "ConditionNotMet"]);

/** Writes a block as a client: Azurite takes no account SAS for "Put Block From URL". */
const putBlock = (
  { bucket, client }: AzureContainer,
  { key, uploadId }: MultipartId,
  number: number,
  sent: { readonly headers?: ReadonlyArray<Pair>; readonly body?: string },
) => {
  const query = [["comp", "block"] as const, ["blockid", blockId(uploadId, number)] as const];
  return signedFetch({ ...bucket, signer: client }, { method: "PUT", key, query, ...sent });
};

const commit = (
  bucket: Bucket,
  key: ObjectKey,
  ids: ReadonlyArray<string>,
  contentType: string,
  names?: string,
) =>
  signedFetch(bucket, {
    method: "PUT",
    key,
    query: [["comp", "blocklist"]],
    headers: [
      ["content-type", "application/xml"],
      ["if-none-match", "*"],
      ...(contentType === "" ? [] : [["x-ms-blob-content-type", contentType] as const]),
      ...(names === undefined ? [] : [[NAMES, names] as const]),
    ],
    body: blockList(ids),
  });
