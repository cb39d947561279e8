import * as Effect from "effect/Effect";
import { MultipartNotSupported } from "../domain/errors.ts";
import type { Member } from "./admit.ts";
import { inTime } from "./in-time.ts";
import { ObjectStore } from "./ports/object-store.ts";
import { uploadOf } from "./tokens.ts";

/**
 * Ends an upload and removes its parts. It does nothing to an upload that has ended: an object that
 * was completed stays.
 *
 * Fails with `InvalidUpload`, `OrganizationNotFound`, `MultipartNotSupported` or
 * `StoreUnavailable`.
 */
export const abortMultipart = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly upload: string;
}) {
  const upload = yield* uploadOf(request);
  const { multipart } = yield* ObjectStore;
  if (multipart === undefined) return yield* new MultipartNotSupported();
  yield* multipart.abort(upload).pipe(inTime());
  return { key: upload.key, policy: upload.policy };
});
