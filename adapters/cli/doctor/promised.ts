import { PartsMissing, UploadIncomplete, UploadMismatch } from "../../../domain/errors.ts";
import { confirms } from "../../contract/promises/confirm.ts";
import { PROMISES } from "../../contract/promises/promises.ts";
import type { StorePromise } from "../../contract/promises/store-promise.ts";
import { errorReason } from "../../values/thrown.ts";
import { check, type Doctor, type StoreAnswer } from "./doctor.ts";
import type { Problem } from "./problems.ts";
import { ONE_STORE } from "./refused-upload.ts";
import * as refusals from "./refusals.ts";

/** Returns the contract's promise with this title. */
export function promised(title: string): StorePromise {
  const promise = PROMISES.find((each) => each.title === title);
  if (promise === undefined) throw new Error(`nothing is promised as "${title}"`);
  return promise;
}

/** A promise, and the explanations of its failures. */
interface Row {
  readonly promise: (doctor: Doctor) => StorePromise;
  readonly passed: string;
  readonly why: string;
  /** Explains a PUT that the store refused. */
  readonly put: (doctor: Doctor, answer: StoreAnswer) => Problem;
  /** Explains what the service answered; undefined if the store is at fault. */
  readonly answered: (refusal: unknown) => Problem | undefined;
}

const tryRow = (name: string, row: Row) =>
  check(name, function* (doctor, report) {
    const { outcome, why, put, refusal } = yield* doctor.tryPromise(row.promise(doctor));
    if (outcome === "kept") return report.passed(row.passed);
    const problem =
      put?.answer?.ok === false
        ? row.put(doctor, put.answer)
        : (row.answered(refusal) ??
          (refusal === undefined ? undefined : { what: errorReason(refusal), mend: ALLOW }));
    return problem ? report.failed(problem.what, row.why, problem.mend) : report.unknown(why);
  });

const ALLOW = "allow the service's key what `valetkey policy service` prints";
const PASS_HEADERS =
  "set STORAGE_PROVIDER to the store that this is, or to s3; and let the proxy in front of it change no header of requests and of answers";

/** Uploads with a checksum, and confirms it. */
export const confirm = tryRow("confirm", {
  promise: ({ checksummed }) => ({
    title: "an upload is seen as it was granted",
    check: confirms({ _tag: "Done" }, checksummed),
    needs: [],
    lacks: [],
  }),
  passed: "an upload is seen as it was granted",
  why: "No upload is confirmed, or each differs from its grant.",
  put: (_, { summary }) => ({
    what: `a PUT with a checksum was refused (${summary})`,
    mend: PASS_HEADERS,
  }),
  answered: (refusal) => {
    if (refusal instanceof UploadIncomplete)
      return { what: "an accepted upload is not found", mend: ALLOW };
    if (!(refusal instanceof UploadMismatch)) return undefined;
    const differences = refusal.differences
      .map(({ property, expected, actual }) => `${property} is ${actual}, granted was ${expected}`)
      .join("; ");
    const what = `an upload is seen otherwise than it was granted: ${differences}`;
    return { what, mend: PASS_HEADERS };
  },
});

/** Uploads a file in parts, where the store takes parts. */
export const parts = tryRow("parts", {
  promise: () => promised("a file of one short part is an upload in parts too"),
  passed: "a part was sent, and is listed",
  why: "Large files cannot be uploaded.",
  put: (doctor, answer) => ({
    what: `a part was refused (${answer.summary})`,
    mend: refusals.refusal(doctor, "put", answer).mend,
  }),
  answered: (refusal) =>
    refusal instanceof PartsMissing
      ? { what: "a part that was accepted is not listed", mend: ONE_STORE }
      : undefined,
});
