import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { ObjectKey } from "../../domain/storage-key.ts";
import type { ObjectStore } from "../ports/object-store.ts";

/** Returns true if there is an object, even one that cannot be read. */
export const isStored = ({ head }: ObjectStore["Service"], key: ObjectKey) =>
  Effect.map(head(key), Option.isSome).pipe(
    Effect.catchTag("ObjectUnreadable", () => Effect.succeed(true)),
  );
