import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { isPublicKey, parse, type StorageKeyParts } from "../../domain/storage-key.ts";
import { widthsOf } from "../choose-policy.ts";
import { inStoreOf } from "../store/in-store.ts";
import { requestFor } from "./open-file.ts";
import { checkWidth, showFile, type Shown } from "./show-file.ts";

/**
 * Signs a GET of a public file, or of its picture in a width, for everybody, and returns the window
 * within which it stays the same; undefined for any other text. The store is not called, so that
 * strangers cannot make the service call it.
 */
export const openPublicFile = Effect.fnUntraced(function* (text: string, shown: Shown = {}) {
  const parts = Option.getOrUndefined(parse(text));
  if (parts === undefined || !isPublicKey(parts.key)) return undefined;
  return yield* inStoreOf({ organization: parts.organization }, openParsed(parts, shown));
});

const openParsed = Effect.fnUntraced(function* (parts: StorageKeyParts, shown: Shown) {
  const { width } = shown;
  if (width !== undefined) yield* checkWidth(width, yield* widthsOf(parts.key));
  const request = yield* requestFor(parts);
  return { get: yield* showFile(request, shown), window: request.window };
});
