import * as Effect from "effect/Effect";
import type { ObjectStore } from "../../../application/ports/object-store.ts";
import type { Listener } from "../sending/exchange.ts";
import { keysIn, type Scratch, versionIn } from "./scratch.ts";

type Store = ObjectStore["Service"];

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
 * The same store, which remembers beforehand what it is about to write itself, since the answer may be
 * lost; other objects are seen in the exchanges.
 */
export function rememberingCalls(store: Store, scratch: Scratch): Store {
  const { copy, multipart, writeEmpty } = store;
  return {
    ...store,
    ...(copy && {
      copy: (upload) => {
        // In parts, on many stores.
        scratch.addUpload({ key: upload.to });
        return copy(upload);
      },
    }),
    ...(writeEmpty && {
      writeEmpty: (key) => {
        scratch.add(key);
        return writeEmpty(key);
      },
    }),
    ...(multipart && {
      multipart: {
        ...multipart,
        create: ({ key, ...object }) => {
          scratch.addUpload({ key });
          return Effect.tap(multipart.create({ key, ...object }), (uploadId) =>
            Effect.sync(() => scratch.addUpload({ key, uploadId })),
          );
        },
      },
    }),
  };
}
