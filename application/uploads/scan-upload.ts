import * as Effect from "effect/Effect";
import * as Semaphore from "effect/Semaphore";
import {
  ScannerUnavailable,
  UploadIncomplete,
  UploadPending,
  UploadRefusedByScan,
} from "../../domain/errors.ts";
import type { UploadPolicy } from "../../domain/upload-policy.ts";
import { removeRefused } from "./examine-upload.ts";
import { UploadStore } from "../ports/stores.ts";
import { type ObjectRef, ObjectStore } from "../ports/object-store.ts";
import { Scanner, type Verdict } from "../ports/scanner.ts";

/** Fails unless the policy's scan calls exactly these bytes clean. */
export const scanUpload = Effect.fnUntraced(function* (upload: ObjectRef, policy: UploadPolicy) {
  const { scan, onInfected } = policy;
  if (scan === "none") return;
  const verdict = yield* scan === "clamd" ? scanned(upload) : verdictInTag(upload);
  if (verdict === "clean") return;
  const isInfected = "infected" in verdict;
  const finding = isInfected ? verdict.infected : verdict.unscannable;
  const { key, version } = upload;
  yield* Effect.logWarning("an upload was refused by its scan", { key, finding });
  if (isInfected && onInfected === "delete") yield* removeRefused({ key, version }, policy);
  return yield* new UploadRefusedByScan({ finding });
});

/** Most scans of one of several stores, so that one which sends slowly leaves others the scanner. */
const AT_ONCE = 2;

const turns = new WeakMap<ObjectStore["Service"], Semaphore.Semaphore>();

/** Waits for a turn, where there are several stores. */
const inTurn = <A, E, R>(store: ObjectStore["Service"], scan: Effect.Effect<A, E, R>) =>
  Effect.flatMap(UploadStore, (name) => {
    if (name === undefined) return scan;
    const own = turns.get(store) ?? Semaphore.makeUnsafe(AT_ONCE);
    turns.set(store, own);
    return own.withPermit(scan);
  });

const scanned = Effect.fnUntraced(function* (upload: ObjectRef) {
  const store = yield* ObjectStore;
  const { read } = store;
  const scanner = yield* Scanner;
  if (scanner === undefined || read === undefined) return yield* CANNOT_SCAN;
  const open = Effect.filterOrFail(
    read(upload),
    (bytes) => bytes !== "changed",
    () => new UploadIncomplete(),
  );
  return yield* inTurn(store, scanner.scan(open));
});

/** The values of GuardDuty's tag: "Malware Protection for S3", Amazon GuardDuty User Guide. */
const verdictInTag = Effect.fnUntraced(function* (upload: ObjectRef) {
  const { scanTag } = yield* ObjectStore;
  if (scanTag === undefined) return yield* CANNOT_SCAN;
  const value = yield* scanTag(upload);
  if (value === undefined) return yield* new UploadPending({ state: "scanning", retryAfter: 5 });
  const refused = value === "THREATS_FOUND" ? { infected: value } : { unscannable: value };
  return (value === "NO_THREATS_FOUND" ? "clean" : refused) satisfies Verdict;
});

const CANNOT_SCAN = new ScannerUnavailable({
  reason: "no clamd is configured for a policy with scan, or its store cannot be asked",
});
