import * as Effect from "effect/Effect";
import type { Wrap } from "../../../application/store/store-calls.ts";
import type { ObjectKey } from "../../../domain/storage-key.ts";
import type { Listener } from "../sending/exchange.ts";
import { keysIn, type Scratch, versionIn } from "./scratch.ts";

/** Remembers every key of a request, and the version that its answer names. */
export const rememberingRequests =
  (scratch: Scratch): Listener =>
  ({ url, body = "" }, answer) => {
    // An archive may name several keys in its body.
    const [key, ...others] = keysIn(`${url} ${Buffer.from(body).toString("latin1")}`);
    if (key !== undefined) scratch.add(key, versionIn(answer?.headers ?? {}));
    for (const other of others) scratch.add(other);
  };

/**
 * Remembers what a call of the store is about to write, since its answer may be lost; other objects
 * are seen in the exchanges.
 */
export const rememberingCall =
  (scratch: Scratch): Wrap =>
  ({ name }, made, argument) => {
    if (name === "write-empty") scratch.add(argument as ObjectKey);
    // In parts, on many stores.
    if (name === "copy") scratch.addUpload({ key: (argument as Upload).to });
    if (name !== "create-multipart") return made;
    const { key } = argument as Upload;
    scratch.addUpload({ key });
    return Effect.tap(made, (uploadId) =>
      Effect.sync(() => scratch.addUpload({ key, uploadId: String(uploadId) })),
    );
  };

/** The argument of a call that begins an upload in parts. */
type Upload = Readonly<Record<"key" | "to", ObjectKey>>;
