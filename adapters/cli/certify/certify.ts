import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { VERSION } from "../../http/version.ts";
import type { Examination, Findings } from "../../contract/examine.ts";
import { asText, type Certificate, leftMessage } from "./certificate.ts";
import type { CertifiedStore } from "./certified-store.ts";
import { asJson, command, flag, JSON_OPTION, option } from "../command/command.ts";
import { CommandFailure, EXIT } from "../../service/failure.ts";
import { interruptible } from "../command/interruptible.ts";
import { showProgress, tell } from "../../service/output.ts";
import { orFail } from "../../service/settings.ts";

/**
 * Tries every promise on the configured store, and writes what it keeps. The exit code is 0 if it
 * keeps everything that is offered, 1 if not, and 2 if that could not be tried.
 */
export const certify = command({
  name: "certify",
  summary: "Try what your store really enforces, and write a certificate of it",
  options: {
    endpoint: option("ENDPOINT", Schema.NonEmptyString, "the URL of a store", {
      note: "$STORAGE_ENDPOINT if left out",
      isArgument: true,
    }),
    leave: flag("writes objects also where they cannot be removed again"),
    ...JSON_OPTION,
  },
  run: async ({ endpoint, json = false, leave: mayLeave = false }) => {
    const { certifiedStore } = await import("./certified-store.ts");
    const read = certifiedStore(process.env, endpoint);
    const store = orFail(read, "No store can be certified", process.env, EXIT.couldNotRun);
    const { findings, server, left, versions } = await interruptible((signal) =>
      examineStore(store, { mayLeave, signal }),
    );
    const certificate: Certificate = {
      store: store.title,
      server,
      date: new Date().toISOString().slice(0, 10),
      valetkey: VERSION,
      adapter: store.adapter,
      provider: store.provider,
      bucket: versions,
      promises: findings,
      left,
    };
    const isKept = findings.every(({ outcome }) => outcome !== "not kept");
    return {
      result: json ? asJson(certificate) : asText(certificate),
      code: isKept ? undefined : EXIT.failure,
    };
  },
});

/** Examines the store, tells how far it is, and removes the bucket that was made for it. */
async function examineStore(
  certified: CertifiedStore,
  options: Pick<Examination, "mayLeave" | "signal">,
): Promise<Findings & { versions?: string }> {
  const { examine, Unexamined } = await import("../../contract/examine.ts");
  const { title, bucket, look, store, able } = certified;
  tell(`Trying ${title}, in the bucket ${bucket}.\n`);
  const { versions, ...looked } = (await look?.()) ?? {};
  try {
    const examination = { store: { ...store, ...looked }, able, ...options };
    const found = await examine({ ...examination, onFinding: progress });
    const left = await withoutBucket(certified, found.left);
    return { ...found, ...(versions && { versions }), left };
  } catch (cause) {
    if (!(cause instanceof Unexamined)) throw cause;
    // A store that was never open may have made the bucket all the same.
    const left = await withoutBucket(certified, cause.left ?? []);
    const message = `${title} could not be certified: ${cause.message}.\n${cause.left === undefined ? "" : leftMessage(left)}`;
    throw new CommandFailure({ code: EXIT.couldNotRun, message });
  } finally {
    showProgress("");
  }
}

const REMOVE_TIMEOUT = "4 seconds";

/** Removes the bucket that was made for the examination, and lists what is left. */
async function withoutBucket(
  { bucket, removeBucket }: CertifiedStore,
  left: ReadonlyArray<string>,
): Promise<ReadonlyArray<string>> {
  if (removeBucket === undefined) return left;
  const removal = Effect.timeout(Effect.tryPromise(removeBucket), REMOVE_TIMEOUT);
  const isRemoved = await Effect.runPromise(Effect.isSuccess(removal));
  return isRemoved ? [] : [...left, `the bucket ${bucket}`];
}

const progress: Examination["onFinding"] = ({ promise, outcome }, { done, of }) =>
  showProgress(`${done}/${of} ${outcome}: ${promise}`);
