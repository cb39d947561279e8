import * as Effect from "effect/Effect";
import type { Multipart } from "../../../application/ports/object-store.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { s3Multipart } from "../rest/s3-multipart.ts";
import { type Bucket, signedFetch } from "../rest/signed-fetch.ts";

/**
 * "XML API multipart uploads", Cloud Storage documentation. It refuses preconditions, so a
 * completion looks first for an object under the key. Nothing can come between the two: a key is
 * new with each upload, and an upload is completed once.
 */
export function gcsMultipart(bucket: Bucket, name: string): Multipart {
  const calls = s3Multipart(bucket, {
    ifNone: [],
    // It compares none when it puts parts together.
    fileChecksums: [],
    explain: ({ status, code = "" }) =>
      status === 403
        ? "the service's account may not make large files; allow it storage.multipartUploads.create, abort and listParts, and storage.objects.create and get"
        : `the store answered ${status} ${code} for a file in parts in the bucket ${name}`,
  });
  return {
    ...calls,
    complete: Effect.fnUntraced(function* (upload) {
      const { status } = yield* signedFetch(bucket, { method: "HEAD", key: upload.key });
      if (status === 404) return yield* calls.complete(upload);
      if (status === 200) return "exists";
      const reason = `the store answered ${status} to the question whether there is an object`;
      return yield* new StoreUnavailable({ reason });
    }),
  };
}
