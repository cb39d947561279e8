import * as Effect from "effect/Effect";
import { MultipartNotSupported } from "../../domain/errors.ts";
import { namesInStore } from "../../domain/multipart.ts";
import type { Member } from "../admit.ts";
import { decideUpload } from "../files/count-files.ts";
import { ObjectStore } from "../ports/object-store.ts";
import { inStoreOfUpload } from "../store/in-store.ts";
import { openUpload } from "../tokens.ts";

/** Ends an upload and removes its parts. Does nothing to an upload that has ended. */
export const abortMultipart = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly upload: string;
}) {
  const upload = yield* openUpload(request.member, request.upload);
  const { abort } = yield* inStoreOfUpload(upload, multipartStore);
  yield* abort(namesInStore(upload));
  yield* decideUpload(upload.key);
});

export const multipartStore = Effect.flatMap(ObjectStore, ({ parts }) =>
  parts === undefined ? Effect.fail(new MultipartNotSupported()) : Effect.succeed(parts),
);
