import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { InvalidUpload } from "../../domain/errors.ts";
import { namesInStore } from "../../domain/multipart.ts";
import { multipartStore } from "./abort-multipart.ts";
import type { Member } from "../admit.ts";
import { inStoreOfUpload } from "../store/in-store.ts";
import { openUpload } from "../tokens.ts";

/** Lists the parts of an upload that the store has, so that a client uploads only the others. */
export const listParts = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly upload: string;
}) {
  const upload = yield* openUpload(request.member, request.upload);
  const { list } = yield* inStoreOfUpload(upload, multipartStore);
  const parts = yield* list(namesInStore(upload));
  if (Option.isNone(parts)) return yield* new InvalidUpload();
  return { parts: parts.value };
});
