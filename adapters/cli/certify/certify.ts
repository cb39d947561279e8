import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { rename, rm, stat, writeFile } from "node:fs/promises";
import { VERSION } from "../../http/version.ts";
import type { Examination, Finding, Findings } from "../../contract/running/examine.ts";
import { inWordsOf } from "../../storage/place-words.ts";
import { readJsonFile } from "../../settings/json-file.ts";
import {
  type BucketState,
  type Certificate,
  digestOf,
} from "../../storage/certificate/certificate.ts";
import { brokenIn } from "../../storage/certificate/proved.ts";
import { certificateFrom } from "../../storage/certificate/read.ts";
import { onOneLine } from "../../values/printable.ts";
import { errorCode, errorMessage } from "../../values/thrown.ts";
import { asLines, asText, changes, dangers, gains, leftMessage, SITE } from "./certificate.ts";
import type { CertifiedStore } from "./certified-store.ts";
import { asJson, command, flag, JSON_OPTION, option } from "../command/command.ts";
import { CommandFailure, EXIT } from "../command/failure.ts";
import { interruptible } from "../command/interruptible.ts";
import { showProgress, printMessage } from "../command/output.ts";
import { readOfStore } from "../../service/settings.ts";
import { orFail, STORE_OPTION } from "../command/configuration.ts";

/**
 * Tries every promise on the configured store, and writes which it keeps. The exit code is 0 if it
 * keeps all on which the service relies without a certificate, 1 if not, and 2 if that could not be
 * tried; with `--compare` 0 if nothing has changed, and 1 otherwise.
 */
export const certify = command({
  name: "certify",
  summary: "Try what your store really enforces, and write a certificate of it",
  options: {
    endpoint: option("ENDPOINT", Schema.NonEmptyString, "the URL of a store", {
      note: "$STORAGE_ENDPOINT if left out",
      isArgument: true,
    }),
    ...STORE_OPTION,
    output: option("FILE", Schema.NonEmptyString, "the file for the certificate", {
      note: "which configures the service: STORAGE_CERTIFICATE=FILE",
    }),
    compare: option("FILE", Schema.NonEmptyString, "a certificate of this store", {
      note: "says what has changed since",
    }),
    server: option("TEXT", Schema.NonEmptyString, "the name and version of the server", {
      note: "where it does not tell",
    }),
    leave: flag("writes objects also where they cannot be removed again"),
    ...JSON_OPTION,
  },
  run: async ({
    store: name,
    endpoint,
    output,
    compare,
    server,
    json = false,
    leave: mayLeave = false,
  }) => {
    const { certifiedStore } = await import("./certified-store.ts");
    const { CONTRACT, standsOn } = await import("../../contract/promises/promises.ts");
    const read = readOfStore(process.env, (from) => certifiedStore(from, endpoint), name);
    const store = orFail(read, "No store can be certified", process.env, EXIT.couldNotRun);
    const before = compare === undefined ? undefined : readCertificate(compare);
    const write = output === undefined ? undefined : await writerOf(output);
    const found = await interruptible((signal) => examineStore(store, { mayLeave, signal }));
    const { findings, left, state } = found;
    const isOffered = ({ needs }: Finding) =>
      needs === undefined || store.documented.includes(needs);
    const unanswered = findings.find((finding) => finding.isUnanswered && isOffered(finding));
    const ended = found.ended ?? (unanswered && `${unanswered.promise}: ${unanswered.why}`);
    const facts = withoutUndefined({
      contract: CONTRACT,
      valetkey: VERSION,
      date: new Date().toISOString().slice(0, 10),
      adapter: store.adapter,
      provider: store.provider,
      server: server ?? found.server,
      endpoint: store.endpoint,
      region: store.region,
      bucket: store.removeBucket === undefined ? store.bucket : undefined,
      state,
      promises: findings.map(({ promise, outcome, why }) => ({ promise, outcome, why })),
      answers: found.answers,
    });
    const certificate: Certificate = { ...facts, digest: digestOf(facts) };
    await write?.(asLines(certificate));
    printMessage(inWordsOf(store.place, leftMessage(left)));
    if (ended !== undefined) printMessage(`Not everything was tried: ${ended}.\n`);
    const changed = before && changes(before, certificate);
    const broken = findings.some((finding) => finding.outcome === "broken" && isOffered(finding));
    const { decided } = store;
    const danger = dangers(brokenIn(certificate.promises, standsOn.every));
    // Standard output has no place for it then.
    if (json || changed !== undefined) printMessage(danger);
    const result = json
      ? changed === undefined
        ? asLines(certificate)
        : asJson({ certificate, changes: changed })
      : changed === undefined
        ? `${danger && `${danger.trimStart()}\n`}${asText(certificate, findings)}${decided ? gains(decided, certificate.promises, store.documented) + usage(certificate, output) : NO_USE}${output === undefined ? "" : SEND}${danger}`
        : `${changed.map((line) => `${line}\n`).join("") || `Nothing has changed since ${before?.date}.\n`}`;
    const isWhole = found.ended === undefined && (ended === undefined || (broken && !changed));
    const isOtherwise = changed === undefined ? broken : changed.length > 0;
    const code = isWhole ? isOtherwise && EXIT.failure : EXIT.couldNotRun;
    return { result, code: code || undefined };
  },
});

const SEND = `It has no secret. Send it, so that others know what they get there: ${SITE}/issues/new?template=certificate.yml\n`;
const NO_USE = "\nIt configures nothing: what is used of this store depends on no certificate.\n";

function usage({ bucket }: Certificate, output: string | undefined): string {
  if (bucket === undefined) {
    return "\nIt is of a bucket that was made for it alone, so it configures no service: run it with STORAGE_BUCKET.\n";
  }
  return output === undefined
    ? "\nTo configure the service by it, run `valetkey certify --output certificate.json`.\n"
    : `\nTo configure the service by it, set STORAGE_CERTIFICATE=${output}\n`;
}

/** The facts as JSON has them, of which the digest is made. */
const withoutUndefined = (facts: object) =>
  JSON.parse(JSON.stringify(facts)) as Omit<Certificate, "digest">;

function readCertificate(path: string): Certificate {
  return Result.getOrElse(Result.flatMap(readJsonFile(path), certificateFrom), (problem) => {
    throw new CommandFailure({
      code: EXIT.couldNotRun,
      message: `The file ${path} cannot be compared with: it ${onOneLine(problem)}.\n`,
    });
  });
}

/**
 * Fails before anything is tried if a file could not be written at the end. Returns a function that
 * replaces it at once, so that a failure leaves the old one.
 */
async function writerOf(path: string) {
  const next = `${path}.new`;
  const write = async (text: string, end: () => Promise<void>) => {
    try {
      const file = await stat(path).catch(() => undefined);
      if (file?.isFile() === false) throw new Error("it is no regular file");
      await writeFile(next, text);
      await end();
    } catch (cause) {
      const message = `The file ${path} cannot be written (${errorCode(cause) ?? errorMessage(cause)}).\n`;
      throw new CommandFailure({ code: EXIT.cannotCreate, message });
    }
  };
  await write("", () => rm(next));
  return (text: string) => write(text, () => rename(next, path));
}

/** Examines the store, shows its progress, and removes the bucket that was made for it. */
async function examineStore(
  certified: CertifiedStore,
  options: Pick<Examination, "mayLeave" | "signal">,
): Promise<Findings & { readonly state: BucketState }> {
  const { examine, Unexamined } = await import("../../contract/running/examine.ts");
  const { ORGANIZATION } = await import("../../contract/sending/uploads.ts");
  const { removalOf } = await import("./leftovers.ts");
  const { title, bucket, removeBucket, leftovers, look } = certified;
  const { store, withAbilities, decided, untrusted } = certified;
  const say = (text: string) => printMessage(inWordsOf(certified.place, text));
  say(`Trying ${title}, in the bucket ${bucket}.\n`);
  say(
    `About ${SIZE} are written below orgs/${ORGANIZATION}/, incoming/orgs/${ORGANIZATION}/ and incoming/credentials/${ORGANIZATION}/, and removed again${removeBucket ? " with the bucket" : ""}. Ctrl-C ends it with what is known by then. If it is killed, ${removalOf(ORGANIZATION)}${removeBucket ? ` with STORAGE_BUCKET=${bucket}` : ""} removes the rest.\n`,
  );
  for (const each of await leftovers()) {
    say(
      `The bucket has files of ${each}, of an earlier examination that was killed, or of one that still runs: ${removalOf(each)} removes them.\n`,
    );
  }
  try {
    const before = await look();
    const examination = { store, withAbilities, decided, untrusted, ...options };
    const found = await examine({ ...examination, onFinding: progress });
    // The examination may have made the bucket.
    const looked = before.versions === "unknown" ? await look() : before;
    const left = await withoutBucket(certified, found.left);
    return { ...found, left, state: { ...looked, versions: versionsIn(looked, found) } };
  } catch (cause) {
    if (!(cause instanceof Unexamined)) throw cause;
    // A store that failed to open may still have made the bucket.
    const left = await withoutBucket(certified, cause.left);
    const message = `${title} could not be certified: ${cause.message}.\n${leftMessage(left)}`;
    throw new CommandFailure({ code: EXIT.couldNotRun, message });
  } finally {
    showProgress("");
  }
}

const SIZE = "460 MB in 10,000 requests and 5 to 20 minutes";

/** Returns the state of versions; if the store does not say, that of its answer to the last PUT. */
const versionsIn = ({ versions }: BucketState, { version }: Findings): BucketState["versions"] => {
  if (versions !== "unknown") return versions;
  return version === undefined ? "unknown" : version === "null" ? "suspended" : "kept";
};

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
