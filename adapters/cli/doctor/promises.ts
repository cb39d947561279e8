import * as Effect from "effect/Effect";
import { examine, Unexamined } from "../../contract/examine.ts";
import { PROMISES } from "../../contract/promises.ts";
import { check } from "./doctor.ts";

/**
 * Tries promises of the contract that a configuration can break, or what lies between this machine
 * and the store.
 */
export const promises = check("promises", function* (doctor, report) {
  const { isDirect, incoming, left, mayLeave, signal } = doctor;
  const { without = [], ...store } = doctor.contract(doctor.audience());
  const isOnce = yield* checkWriteOnce(doctor);
  const tried = new Map([...(isDirect ? DIRECT : []), ...(incoming > 0 ? INCOMING : [])]);
  const found = yield* Effect.promise(() =>
    examine({
      store: { ...store, without: isOnce ? without : [...without, "write-once"] },
      promises: PROMISES.filter(({ title }) => tried.has(title)),
      mayLeave,
      onFinding: () => undefined,
      signal,
    }).catch((cause: unknown) => {
      if (!(cause instanceof Unexamined)) throw cause;
      return { findings: [], left: cause.left, ended: cause.message };
    }),
  ).pipe(Effect.uninterruptible);
  left.push(...found.left);
  if (found.ended !== undefined) report.unknown(found.ended);
  for (const { promise, outcome, why: reason = "", needs } of found.findings) {
    if (needs !== undefined || (found.ended !== undefined && outcome === "not tried")) continue;
    const { check = "", why = "", mend = "" } = tried.get(promise) ?? {};
    if (outcome === "kept") doctor.report(check).passed(promise);
    else {
      const seen = `not kept: ${promise}: ${reason.replaceAll(/\s+/g, " ")}`;
      doctor.report(check).failed(seen, why, mend);
    }
  }
});

/** Returns false if the bucket takes a second PUT of a write-once URL. */
const checkWriteOnce = check("promise", function* ({ store }, report) {
  const looked = yield* Effect.result(store.writeOnce?.look ?? Effect.void);
  if (looked._tag === "Success") return true;
  const why = "Whoever holds a URL can replace the file, also after it was confirmed.";
  const mend =
    "suspend its versions, or set STORAGE_BUCKET to another; if it is unknown, allow what is missing";
  report.failed(looked.failure.reason, why, mend);
  return false;
});

const CONFIRM = {
  check: "confirm",
  why: "No upload is confirmed, or each differs from its grant.",
  mend: "allow the service's key what `valetkey policy service` prints; and let the proxy in front of the store change no header of requests and of answers",
};

const PARTS = {
  check: "parts",
  why: "Files above the size of one PUT cannot be uploaded.",
  mend: "allow the keys what `valetkey policy service` and `valetkey policy put` print",
};

const BOUND = {
  check: "promise",
  why: "Whoever holds a URL can store something else than was granted, or a granted upload is refused.",
  mend: "set STORAGE_PROVIDER to the store that this is, or to s3, which promises the least; and let the proxy in front of it pass on Host and each header that is signed, unchanged: nginx: proxy_set_header Host $http_host",
};

type Tried = readonly [title: string, advice: typeof BOUND];

const DIRECT: ReadonlyArray<Tried> = [
  ["a PUT for the public endpoint works there and not at the internal one", BOUND],
  ["a PUT for the internal endpoint works there and not at the public one", BOUND],
  ["a PUT of another type is refused", BOUND],
  ["under strict, a PUT one byte longer or shorter than granted is refused", BOUND],
  ["sha256: other bytes of the same size are refused, and the right ones stored", BOUND],
  ["crc32c: other bytes of the same size are refused, and the right ones stored", BOUND],
  ["md5: other bytes of the same size are refused, and the right ones stored", BOUND],
  ["a PUT cannot be replayed under strict", BOUND],
  ["an upload is confirmed once it is there, and not before", CONFIRM],
  ["a checksum is compared with the SHA-256 that the store reports", CONFIRM],
  ["a file of one short part is an upload in parts too", PARTS],
];

/** A key for uploads that wait may put nothing elsewhere. */
const INCOMING: ReadonlyArray<Tried> = [
  ["an upload that waits is not the file, and becomes it when it is confirmed", CONFIRM],
];
