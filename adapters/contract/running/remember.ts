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
  const { copies, parts } = store;
  return {
    ...store,
    ...(copies && {
      copies: {
        copy: (upload) => {
          // In parts, on many stores.
          scratch.addUpload({ key: upload.to });
          return copies.copy(upload);
        },
        writeEmpty: (key) => {
          scratch.add(key);
          return copies.writeEmpty(key);
        },
      },
    }),
    ...(parts && {
      parts: {
        ...parts,
        create: ({ key, ...object }) => {
          scratch.addUpload({ key });
          return Effect.tap(parts.create({ key, ...object }), (uploadId) =>
            Effect.sync(() => scratch.addUpload({ key, uploadId })),
          );
        },
      },
    }),
  };
}
