import * as Effect from "effect/Effect";
import type { Audience } from "../../../application/ports/presigner.ts";
import type { StorageKey } from "../../../domain/storage-key.ts";
import type { Answer } from "../../storage/contract/send.ts";
import { refusalIn } from "../../storage/rest/refusal-reason.ts";
import { headersNotSigned, refusalOf } from "./store-answer.ts";
import { failed, type Finding, type Findings, passed, unknown } from "./finding.ts";
import type { KeyNames } from "./key-names.ts";
import { addedByProxy, readBack } from "./read-back.ts";
import type { Target } from "./target.ts";

/** A stored scratch object, with what else the checks of uploads found. */
export interface Uploaded {
  readonly findings: Findings;
  /** Where uploads work; undefined if nowhere. */
  readonly audience: Audience | undefined;
  readonly key: StorageKey | undefined;
}

/** Uploads as a browser does, reads back, and looks for what something on the way has changed. */
export const upload = (
  target: Target,
  names: KeyNames,
  audiences: ReadonlyArray<Audience>,
): Effect.Effect<Uploaded> => {
  const findings: Array<Finding> = [];
  let works: Uploaded["audience"];
  let stored: StorageKey | undefined;
  return Effect.gen(function* () {
    // Where only services get through, the other checks go on with their URLs.
    for (const audience of audiences) {
      if (works !== undefined) break;
      const key = yield* target.newKey;
      const signed = yield* target.signPut(key, { audience });
      const sent = yield* Effect.result(target.put(signed));
      if (sent._tag === "Failure") {
        findings.push(
          failed(
            "upload",
            `a PUT to ${new URL(signed.url).origin} was not answered: ${sent.failure.reason}`,
            "Every upload fails like this.",
            "look at the log of the store, and at what stands in front of it",
          ),
        );
        continue;
      }
      const answer = sent.success;
      if (!answer.ok) {
        findings.push(refused(target, names, signed.url, answer));
        continue;
      }
      works = audience;
      stored = key;
      findings.push(passed("upload", `a PUT to ${new URL(signed.url).origin} was accepted`));
      if (answer.headers.etag === undefined) {
        findings.push(
          failed(
            "upload",
            "the answer to a PUT has no ETag",
            "A proxy removes it; large files cannot be put together without it.",
            "let the proxy pass the headers of the store's answers on",
          ),
        );
      }
      findings.push(...(yield* readBack(target, names, key, audience)));
    }
    return { findings, audience: works, key: stored };
  }).pipe(
    Effect.catch(({ reason }) =>
      Effect.succeed({
        findings: [...findings, unknown("upload", reason)],
        audience: works,
        key: stored,
      }),
    ),
  );
};

function refused(target: Target, names: KeyNames, url: string, { status, body }: Answer): Finding {
  const { origin } = new URL(url);
  const text = body.toString();
  const { code = "", message = "" } = refusalIn({ status, text });
  const added = headersNotSigned(text);
  if (added !== undefined || message.includes("not signed")) {
    return addedByProxy(added ?? "an x-amz-* header", `so ${origin} refuses every upload`);
  }
  const bucket = target.s3?.bucket ?? "";
  const why =
    code === "AccessDenied"
      ? `the key may not put (AccessDenied: ${message})`
      : refusalOf({ status, body }, { bucket, ...names.put });
  return failed(
    "upload",
    `a PUT to ${origin} was refused: ${why}`,
    "Every upload fails like this.",
    code === "AccessDenied"
      ? "allow the key for uploads what `valetkey policy put` prints"
      : status >= 500
        ? "look at the log of the store: it has its own reason, such as a full disk"
        : code === "SignatureDoesNotMatch"
          ? `correct ${names.put.secret}; or, if a proxy stands in front, let it pass Host and x-amz-* headers on as they are`
          : names.put.mend,
  );
}
