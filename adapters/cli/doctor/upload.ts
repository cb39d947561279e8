import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { Audience } from "../../../application/ports/presigner.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import type { ObjectKey } from "../../../domain/storage-key.ts";
import { keyIn } from "../../contract/running/scratch.ts";
import { CONTENT } from "../../contract/sending/uploads.ts";
import { NAMES } from "../../storage/signing/binding.ts";
import { check, type StoreAnswer } from "./doctor.ts";
import { promised } from "./promised.ts";
import { headersAdded, ONE_STORE, type RefusedUpload, refusedUpload } from "./refused-upload.ts";
import { refusal } from "./refusals.ts";

const DIRECT = promised("a PUT as granted is stored byte for byte");
const WAITING = promised(
  "an upload that waits is not the file, and becomes it when it is confirmed",
);
const WRONG_SIGNATURE = promised("a PUT with one digit of the signature changed is refused");

/**
 * Uploads as a browser does, reads back, and looks for changes on the way; returns the stored
 * object, or undefined if no upload works. If only services get through, the other checks use their
 * endpoint.
 */
export const upload = check(
  "upload",
  function* (doctor, report, audiences: ReadonlyArray<Audience>) {
    const refused: Array<Omit<RefusedUpload, "acceptedAt">> = [];
    for (const audience of audiences) {
      const promise = doctor.isDirect ? DIRECT : WAITING;
      const { put, gets, why } = yield* doctor.tryPromise(promise, audience);
      if (put === undefined) return report.unknown(why);
      const { answer, url } = put;
      const { origin } = new URL(url);
      if (answer === undefined) {
        const mend = "look at the log of the store, and at the proxies in front of it";
        const seen = `a PUT to ${origin} was not answered: ${why}`;
        report.failed(seen, "Every upload fails like this.", mend);
      } else if (!answer.ok) {
        refused.push({ audience, origin, answer });
      } else {
        for (const each of refused) yield* refusedUpload(doctor, { ...each, acceptedAt: origin });
        report.passed(`a PUT to ${origin} was accepted`);
        if (answer.headers.etag === undefined) {
          const why = "A proxy removes it; large files cannot be completed without it.";
          const mend = "let the proxy pass the headers of the store's answers on";
          report.failed("the answer to a PUT has no ETag", why, mend);
        }
        doctor.signFor(audience);
        // Where it waits, the first GET is before its confirm.
        const read = gets[doctor.isDirect ? 0 : 1];
        const key = keyIn(read?.url ?? url);
        if (key === undefined) return undefined;
        if (read?.answer) yield* readBack(doctor, key, read.answer, audience);
        else if (read) doctor.report("download").unknown(why);
        yield* largeUpload(doctor);
        return key;
      }
    }
    for (const each of refused) yield* refusedUpload(doctor, each);
    return undefined;
  },
);

/** Judges the bytes read back, also at the other endpoint, and looks for added headers. */
const readBack = check(
  "download",
  function* (doctor, { passed, failed }, key: ObjectKey, answer: StoreAnswer, audience: Audience) {
    const { url } = yield* doctor.signGet(key);
    const why = "Files cannot be opened.";
    if (!answer.ok) {
      const { what, mend } = refusal(doctor, "get", answer);
      failed(`reading back was refused: ${what}`, why, mend);
    } else if (answer.body.equals(CONTENT)) passed("the same bytes were read back");
    else {
      const mend = "look at the proxy in front of the store: it changes what it passes on";
      failed(`${answer.body.length} other bytes were read back`, why, mend);
    }
    const other = audience === "public" ? "internal" : "public";
    const elsewhere = yield* doctor.signGet(key, { audience: other });
    const [here, there] = [url, elsewhere.url].map((url) => new URL(url).origin);
    if (here !== there) {
      const seen = yield* Effect.option(doctor.send("GET", elsewhere.url));
      const sameBucket = doctor.report("same bucket");
      if (Option.exists(seen, ({ ok }) => ok)) sameBucket.passed(`it was read at ${there} too`);
      if (Option.exists(seen, ({ status }) => status === 404)) {
        const why =
          "The two endpoints lead to different stores or buckets, so no upload can be confirmed.";
        sameBucket.failed(`what was put at ${here} is not found at ${there}`, why, ONE_STORE);
      }
    }
    if (doctor.s3 === undefined) return;
    const { ok, headers } = yield* doctor.sendAs("service", { method: "HEAD", key });
    // MinIO keeps an empty one that our signature forbids; a copy has its names from the service.
    const added = Object.keys(headers).filter(
      (name) => headers[name] && ADDED.test(name) && name !== NAMES,
    );
    if ((headers["x-amz-tagging-count"] ?? "0") !== "0") added.push("x-amz-tagging");
    if (ok && added.length > 0) headersAdded(doctor, added.join(", "), "the store obeys it");
  },
);

const ADDED = /^x-amz-(?:meta-.*|website-redirect-location)$/;

/** More than proxies let through by default: "client_max_body_size", nginx documentation. */
const LARGE = 2 ** 20 + 1;

const largeUpload = check("size", function* (doctor, report) {
  if (doctor.largest < LARGE) return;
  const signed = yield* doctor.signPut({ size: ByteSize.make(LARGE) });
  const sent = yield* Effect.result(doctor.put(signed, { body: new Uint8Array(LARGE) }));
  if (sent._tag === "Failure") {
    yield* doctor.forgetSilence;
    report.unknown(`a PUT of 1 MiB was not answered: ${sent.failure.reason}`);
  } else if (sent.success.ok) report.passed("a PUT of 1 MiB was accepted");
  else {
    const { status, summary } = sent.success;
    const seen = `a PUT of 1 MiB was refused (${summary}), and a small one was accepted`;
    const pass = "let the proxy pass larger bodies on: nginx: client_max_body_size 0";
    const { mend } = refusal(doctor, "put", sent.success);
    report.failed(seen, "Larger files cannot be uploaded.", status === 413 ? pass : mend);
  }
});

/** Puts a file with a wrong signature; false where the store accepts it. */
export const signatures = check("signatures", function* (doctor, { passed, failed, unknown }) {
  const { put, why } = yield* doctor.tryPromise(WRONG_SIGNATURE);
  if (put?.answer === undefined) return unknown(why);
  const { ok, summary } = put.answer;
  if (ok) {
    failed(
      "a PUT with a wrong signature was accepted: the store verifies none",
      "Everybody who reaches the store can read, write and remove every file.",
      "switch authentication on (SeaweedFS: weed s3 -config=FILE with the keys), or use another store: this one is for tests",
    );
  } else passed(`a PUT with a wrong one is refused (${summary})`);
  return !ok;
});
