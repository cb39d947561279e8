import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { OrganizationNotFound } from "../../domain/errors.ts";
import { mayBeConfirmed } from "../../domain/receipt.ts";
import { incomingKey, type ObjectKey } from "../../domain/storage-key.ts";
import type { Member } from "../admit.ts";
import { parseMemberKey } from "./open-file.ts";
import { ObjectStore } from "../ports/object-store.ts";
import { Policies } from "../ports/policies.ts";

/** Returns the state of a file of an organization, with `retryAfter` if it may still change. */
export const fileState = Effect.fnUntraced(function* (member: Member, text: string) {
  const parts = parseMemberKey(member, text);
  if (parts === undefined) return yield* new OrganizationNotFound();
  const { key } = parts;
  member.recordFacts?.({ key });
  const waits = [...(yield* Policies).values()].some(({ arrival }) => arrival === "incoming");
  // Looked at before the file: the upload is removed once its file is made.
  const upload = waits ? yield* lookAt(incomingKey(key)) : Option.none();
  const file = yield* lookAt(key);
  const isReady = Option.isSome(file);
  const state = isReady ? "ready" : Option.isSome(upload) ? "waiting" : "missing";
  const mayChange = !isReady && mayBeConfirmed(parts, yield* DateTime.now);
  return { key, state, ...(mayChange && { retryAfter: 5 }) } as const;
});

/** Returns an object; none also for one that cannot be read. */
export const lookAt = (key: ObjectKey) =>
  ObjectStore.use(({ head }) => head(key)).pipe(
    Effect.catchTag("ObjectUnreadable", () => Effect.succeedNone),
  );
