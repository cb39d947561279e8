import * as Effect from "effect/Effect";
import type {
  ListedObject,
  Lists,
  OpenUpload,
  Parts,
} from "../../../application/ports/object-store.ts";
import { isTruncated, listedObject, readPage } from "./page.ts";
import { refusalIn } from "./refusal-reason.ts";
import type { Bucket, Refuse } from "./signed-fetch.ts";

/**
 * "ListObjectsV2", Amazon S3 API Reference; Cloud Storage has it in its XML API. `mark` follows the
 * name after which a page begins.
 */
export const listObjects =
  (bucket: Bucket, refuse: Refuse, mark = ""): Lists["objects"] =>
  ({ prefix, after, limit }) =>
    readPage<ListedObject, string>(bucket, {
      query: [
        ["list-type", "2"],
        ["max-keys", String(limit)],
        ["prefix", prefix],
        ...(after === undefined ? [] : [["start-after", after + mark] as const]),
      ],
      roots: ["ListBucketResult"],
      items: ["Contents"],
      members: ["Key", "Size", "ETag", "LastModified"],
      read: listedObject,
      isIn: ({ key }) => key.startsWith(prefix) && key !== after,
      next: (text, last) => (isTruncated(text) ? (last?.key ?? "") : undefined),
      limit,
      otherwise: refuse,
    });

/** "ListMultipartUploads", as above. */
export const listUploads =
  (bucket: Bucket, refuse: Refuse): Parts["listOpen"] =>
  ({ prefix, after }) =>
    readPage<OpenUpload, OpenUpload>(bucket, {
      query: [
        ...(after === undefined ? [] : [["key-marker", after.key] as const]),
        ["max-uploads", String(MOST_UPLOADS)],
        ["prefix", prefix],
        ...(after === undefined ? [] : [["upload-id-marker", after.uploadId] as const]),
        ["uploads", ""],
      ],
      roots: ["ListMultipartUploadsResult"],
      items: ["Upload"],
      members: ["Key", "UploadId", "Initiated"],
      read: ([key, uploadId, initiated = ""], now) => {
        const age = now - Date.parse(initiated);
        return uploadId === undefined || Number.isNaN(age) ? undefined : { key, uploadId, age };
      },
      isIn: ({ key, uploadId }) => key.startsWith(prefix) && uploadId !== after?.uploadId,
      next: (text, last) => (isTruncated(text) ? (last ?? "") : undefined),
      limit: MOST_UPLOADS,
      // A bucket without any, as rclone calls it.
      otherwise: (answer) =>
        refusalIn(answer).code === "NoSuchUpload" ? Effect.succeed({ found: [] }) : refuse(answer),
    });

const MOST_UPLOADS = 500;
