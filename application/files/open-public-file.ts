import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { FileName } from "../../domain/file-name.ts";
import { mediaTypeByExtension } from "../../domain/media-type.ts";
import { isPublicKey, parse } from "../../domain/storage-key.ts";
import { DEFAULT_POLICY } from "../../domain/upload-policy.ts";
import { policyNamed } from "../choose-policy.ts";
import { Presigner } from "../ports/presigner.ts";
import { getRequest } from "./get-request.ts";
import { WINDOWS } from "./open-file.ts";

/**
 * Signs a GET of a public file for everybody, and returns the window within which it stays the
 * same; undefined for any other text. The store is not called, so that strangers cannot make the
 * service call it.
 */
export const openPublicFile = Effect.fnUntraced(function* (text: string) {
  const parts = Option.getOrUndefined(parse(text));
  if (parts === undefined || !isPublicKey(parts.key)) return undefined;
  const { key, uuid, extension } = parts;
  const contentType = mediaTypeByExtension(extension.slice(1));
  const filename = FileName.make(`${uuid}${extension}`);
  const policy = { ...(yield* policyNamed(DEFAULT_POLICY)), inlinePdf: false };
  const window = Duration.divideUnsafe(policy.getLifetime, WINDOWS);
  const request = getRequest({ key, contentType, filename }, policy, "public");
  return { get: yield* (yield* Presigner).get({ ...request, window }), window };
});
