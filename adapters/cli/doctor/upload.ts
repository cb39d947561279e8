import * as Effect from "effect/Effect";
import type { Audience } from "../../../application/ports/presigner.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import type { StorageKey } from "../../../domain/storage-key.ts";
import type { Answer } from "../../storage/contract/send.ts";
import { failed, type Finding, type Findings, passed, unknown } from "./finding.ts";
import type { KeyNames } from "./key-names.ts";
import { readBack } from "./read-back.ts";
import { refusedUpload } from "./refused-upload.ts";
import { mendOf, told } from "./store-answer.ts";
import type { Target } from "./target.ts";

/** A stored scratch object, with what else the checks of uploads found. */
export interface Uploaded {
  readonly findings: Findings;
  /** Where uploads work; undefined if nowhere. */
  readonly audience: Audience | undefined;
  readonly key: StorageKey | undefined;
}

/** An upload that did not work, and the answer, if there was one. */
interface Tried {
  readonly audience: Audience;
  readonly url: string;
  readonly answer?: Answer;
  readonly reason?: string;
}

/** Uploads as a browser does, reads back, and looks for what something on the way has changed. */
export const upload = (
  target: Target,
  names: KeyNames,
  { audiences, largest }: { readonly audiences: ReadonlyArray<Audience>; readonly largest: number },
): Effect.Effect<Uploaded> => {
  const findings: Array<Finding> = [];
  let works: Uploaded["audience"];
  let stored: StorageKey | undefined;
  return Effect.gen(function* () {
    const inVain: Array<Tried> = [];
    let acceptedAt: string | undefined;
    const further: Array<Finding> = [];
    // Where only services get through, the other checks go on with their URLs.
    for (const audience of audiences) {
      const key = yield* target.newKey;
      const { url, ...signed } = yield* target.signPut(key, { audience });
      const sent = yield* Effect.result(target.put({ ...signed, url }));
      if (sent._tag === "Failure") {
        inVain.push({ audience, url, reason: sent.failure.reason });
        continue;
      }
      if (!sent.success.ok) {
        inVain.push({ audience, url, answer: sent.success });
        continue;
      }
      works = audience;
      stored = key;
      acceptedAt = new URL(url).origin;
      further.push(
        passed("upload", `a PUT to ${acceptedAt} was accepted`),
        ...(sent.success.headers.etag === undefined ? [WITHOUT_ETAG] : []),
        ...(yield* readBack(target, names, key, audience)),
        ...(yield* large(target, names, { audience, largest })),
      );
      break;
    }
    for (const { audience, url, answer, reason } of inVain) {
      findings.push(
        answer === undefined
          ? failed(
              "upload",
              `a PUT to ${new URL(url).origin} was not answered: ${reason}`,
              "Every upload fails like this.",
              "look at the log of the store, and at what stands in front of it",
            )
          : yield* refusedUpload(target, names, { audience, url, answer, acceptedAt }),
      );
    }
    findings.push(...further);
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

const WITHOUT_ETAG = failed(
  "upload",
  "the answer to a PUT has no ETag",
  "A proxy removes it; large files cannot be put together without it.",
  "let the proxy pass the headers of the store's answers on",
);

/** More than proxies let through by default: "client_max_body_size", nginx documentation. */
const LARGE = 2 ** 20 + 1;

/** Whether a body of more than a megabyte arrives, where a policy allows files of that size. */
const large = Effect.fnUntraced(function* (
  target: Target,
  names: KeyNames,
  { audience, largest }: { readonly audience: Audience; readonly largest: number },
): Effect.fn.Return<Findings, { readonly reason: string }> {
  if (largest < LARGE) return [];
  const size = ByteSize.make(LARGE);
  const signed = yield* target.signPut(yield* target.newKey, { audience, size });
  const sent = yield* Effect.result(target.put(signed, { body: new Uint8Array(LARGE) }));
  if (sent._tag === "Failure") {
    yield* target.forgetSilence;
    return [unknown("size", `a PUT of 1 MiB was not answered: ${sent.failure.reason}`)];
  }
  const answer = sent.success;
  if (answer.ok) return [passed("size", "a PUT of 1 MiB was accepted")];
  const refused = { use: "put", name: names.put, bucket: target.s3?.bucket ?? "" } as const;
  return [
    failed(
      "size",
      `a PUT of 1 MiB was refused (${told(answer)}), and a small one was accepted`,
      "Larger files cannot be uploaded.",
      answer.status === 413
        ? "let the proxy pass larger bodies on: nginx: client_max_body_size 0"
        : mendOf(answer, refused),
    ),
  ];
});
