import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { Audience, PutRequest } from "../../../application/ports/presigner.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { PartNumber } from "../../../domain/multipart.ts";
import type { StorageKey } from "../../../domain/storage-key.ts";
import { digest } from "../../storage/contract/checksum.ts";
import { putRequest } from "../../storage/contract/sample-upload.ts";
import type { Answer } from "../../storage/contract/send.ts";
import { refusalIn } from "../../storage/rest/refusal-reason.ts";
import { refusalOf } from "./endpoints.ts";
import { failed, type Finding, type Findings, passed, unknown } from "./finding.ts";
import type { KeyNames } from "./key-names.ts";
import { BYTES, check, OTHER_BYTES, type Target, told } from "./target.ts";

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
  // Amazon names the headers, MinIO does not.
  const added = /<HeadersNotSigned>([\w-,; ]{1,200})</.exec(text)?.[1];
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

const addedByProxy = (headers: string, so: string) =>
  failed(
    "proxy",
    `a proxy on the way adds ${headers}, which nobody signed; ${so}`,
    "Stores refuse x-amz-* headers that were not signed, or obey them.",
    'remove the header in the proxy; in nginx: proxy_set_header NAME "";',
  );

const readBack = Effect.fnUntraced(function* (
  target: Target,
  names: KeyNames,
  key: StorageKey,
  audience: Audience,
) {
  const { s3 } = target;
  const other = audience === "public" ? "internal" : "public";
  const signed = yield* target.signGet(key, { audience });
  const answer = yield* target.send("GET", signed.url);
  const findings: Array<Finding> = [
    answer.ok && answer.body.equals(BYTES)
      ? passed("download", "the same bytes were read back")
      : failed(
          "download",
          answer.ok
            ? `${answer.body.length} other bytes were read back`
            : answer.status === 403 && told(answer).endsWith("AccessDenied")
              ? "the key for downloads may not get what was put"
              : `reading back was refused: ${refusalOf(answer, { bucket: s3?.bucket ?? "", ...names.get })}`,
          "Files cannot be opened.",
          answer.status === 403
            ? "allow the key for downloads what `valetkey policy get` prints"
            : names.get.mend,
        ),
  ];
  const elsewhere = yield* target.signGet(key, { audience: other });
  const [here, there] = [signed, elsewhere].map(({ url }) => new URL(url).origin);
  if (here !== there) {
    const seen = yield* Effect.result(target.send("GET", elsewhere.url));
    if (seen._tag === "Success" && seen.success.status === 404) {
      findings.push(
        failed(
          "same bucket",
          `what was put at ${here} is not found at ${there}`,
          "The two endpoints lead to different stores or buckets, so no upload can be confirmed.",
          "let STORAGE_ENDPOINT and STORAGE_PUBLIC_ENDPOINT be two addresses of one store",
        ),
      );
    } else if (seen._tag === "Success" && seen.success.ok) {
      findings.push(passed("same bucket", `it was read at ${there} too`));
    }
  }
  if (s3 !== undefined) {
    const { ok, headers } = yield* target.asKey("service", { method: "HEAD", key });
    const added = [...headers].flatMap(([name, value]) => (isNeverOurs(name, value) ? [name] : []));
    if (ok && added.length > 0) {
      findings.push(addedByProxy(added.map(asRequested).join(", "), "the store obeys it"));
    }
  }
  return findings;
});

/** Headers of an object that only a header of its upload could have brought. */
const isNeverOurs = (name: string, value: string): boolean =>
  name.startsWith("x-amz-meta-") ||
  (name === "x-amz-tagging-count" && value !== "0") ||
  name === "x-amz-website-redirect-location";

const asRequested = (name: string) => (name === "x-amz-tagging-count" ? "x-amz-tagging" : name);

const kept = (promise: string) => passed("promise", `${promise} is refused`);

/** Whether the service itself can do its part for an upload: confirm it, and put parts together. */
export const service = (
  target: Target,
  audience: Audience,
  { stored, marks }: { readonly stored: StorageKey; readonly marks: boolean },
): Effect.Effect<Findings> =>
  Effect.all([
    check("confirm", confirms(target, stored)),
    ...(marks ? [check("confirm", confirmsMarked(target, audience))] : []),
    check("parts", putsTogether(target, audience)),
  ]).pipe(Effect.map((findings) => findings.flat()));

const cannot = (name: string, seen: string, why: string) =>
  failed(name, seen, why, "allow the service's key what `valetkey policy service` prints");

const confirms = Effect.fnUntraced(function* ({ store }: Target, stored: StorageKey) {
  const facts = yield* Effect.result(store.head(stored));
  if (facts._tag === "Failure") {
    const { failure } = facts;
    const reason = "reason" in failure ? failure.reason : "nobody can read the object";
    return [
      cannot("confirm", `what was put cannot be looked at: ${reason}`, "No upload is confirmed."),
    ];
  }
  const isSame = Option.exists(facts.success, ({ size }) => size === BYTES.length);
  return [
    isSame
      ? passed("confirm", "the service sees what was put")
      : cannot("confirm", "the service does not see what was put", "No upload is confirmed."),
  ];
});

const confirmsMarked = Effect.fnUntraced(function* (target: Target, audience: Audience) {
  const key = yield* target.newKey;
  const pendingSince = yield* DateTime.now;
  const signed = yield* target.signPut(key, { audience, writeOnce: true, pendingSince });
  const answer = yield* target.put(signed);
  if (!answer.ok) {
    return [
      failed(
        "confirm",
        `an upload with the mark of unconfirmed ones is refused (${told(answer)})`,
        "A policy sets unconfirmed_after, so its uploads carry that mark.",
        "allow the key for uploads what `valetkey policy put` prints",
      ),
    ];
  }
  return yield* Effect.match(target.store.keep(key), {
    onSuccess: () => [passed("confirm", "the mark of unconfirmed uploads is taken off")],
    onFailure: ({ reason }) => [
      cannot("confirm", `the mark cannot be taken off: ${reason}`, "Confirmed files are removed."),
    ],
  });
});

/** One part, which is abandoned again. */
const putsTogether = Effect.fnUntraced(function* (
  { store, presigner, ...target }: Target,
  audience: Audience,
): Effect.fn.Return<Findings, { readonly reason: string }> {
  const { multipart } = store;
  const { part } = presigner;
  if (multipart === undefined || part === undefined) return [];
  const request = { ...putRequest(yield* target.newKey), audience };
  const { key, mediaType } = request;
  const created = yield* Effect.result(multipart.create({ key, mediaType }));
  if (created._tag === "Failure") {
    const { reason } = created.failure;
    return [
      cannot(
        "parts",
        `no upload in parts can be begun: ${reason}`,
        "Large files are answered with 503.",
      ),
    ];
  }
  const uploadId = created.success;
  const size = ByteSize.make(BYTES.length);
  const tried = Effect.gen(function* () {
    const signed = yield* part({ ...request, uploadId, size, partNumber: PartNumber.make(1) });
    const answer = yield* target.put(signed);
    const parts = yield* multipart.list({ key, uploadId });
    return [
      answer.ok && Option.exists(parts, ({ length }) => length === 1)
        ? passed("parts", "a part of a large file is taken, and listed")
        : failed(
            "parts",
            `a part of a large file is refused (${told(answer)})`,
            "Files above the size of one PUT cannot be uploaded.",
            "allow the key for uploads what `valetkey policy put` prints",
          ),
    ];
  });
  return yield* Effect.ensuring(tried, Effect.ignore(multipart.abort({ key, uploadId })));
});

/** Whether the store enforces what the configuration says that it does. */
export const promises = (
  target: Target,
  audience: Audience,
  settings: { readonly provider: string },
): Effect.Effect<Findings> => {
  const broken = (promise: string, answer: Answer) =>
    failed(
      "promise",
      `${promise} was accepted (${told(answer)})`,
      `${settings.provider} is configured, which promises to refuse it; this store does not, so whoever holds a URL can store something else than was granted.`,
      "set STORAGE_PROVIDER to the store that this is, or to s3, which promises the least",
    );
  const put = Effect.fnUntraced(function* (over: Partial<PutRequest> = {}) {
    return yield* target.signPut(yield* target.newKey, { audience, ...over });
  });
  /** A PUT that differs from its grant has to be refused. */
  const differs = (
    promise: string,
    over: Partial<PutRequest>,
    sent: NonNullable<Parameters<Target["put"]>[1]>,
  ) =>
    check(
      "promise",
      Effect.gen(function* () {
        const answer = yield* target.put(yield* put(over), sent);
        return [answer.ok ? broken(promise, answer) : kept(promise)];
      }),
    );
  const checksums = target.presigner.checksums.map((algorithm) =>
    check(
      "promise",
      Effect.gen(function* () {
        const checksum = { algorithm, value: digest(algorithm, BYTES) };
        const signed = yield* put({ checksum });
        const promise = `a PUT of other bytes than its ${algorithm} says`;
        const wrong = yield* target.put(signed, { body: OTHER_BYTES });
        if (wrong.ok) return [broken(promise, wrong)];
        const right = yield* target.put(signed);
        return [
          right.ok
            ? kept(promise)
            : failed(
                "promise",
                `a PUT of the right bytes with their ${algorithm} is refused (${told(right)})`,
                `${settings.provider} is configured, which verifies ${algorithm}; this store does not take it.`,
                "set STORAGE_PROVIDER to the store that this is, or to s3",
              ),
        ];
      }),
    ),
  );
  const replay = check(
    "promise",
    Effect.gen(function* () {
      const signed = yield* put({ strict: true });
      if (!signed.isOnce) return [];
      const promise = "a second PUT by a write-once URL";
      const first = yield* target.put(signed);
      if (!first.ok) {
        return [
          failed(
            "promise",
            `a write-once PUT is refused (${told(first)})`,
            `${settings.provider} is configured, which takes If-None-Match; this store does not.`,
            "set STORAGE_PROVIDER to the store that this is, or to s3",
          ),
        ];
      }
      const second = yield* target.put(signed, { body: OTHER_BYTES });
      return [second.ok ? broken(promise, second) : kept(promise)];
    }),
  );
  const size = { strict: true };
  const longer = Buffer.concat([BYTES, new Uint8Array(1)]);
  return Effect.all([
    differs(
      "a PUT of another type",
      {},
      { headers: { "Content-Type": MediaType.make("text/html") } },
    ),
    differs("a PUT that is one byte longer", size, { body: longer }),
    differs("a PUT that is one byte shorter", size, { body: BYTES.subarray(1) }),
    ...checksums,
    replay,
  ]).pipe(Effect.map((findings) => findings.flat()));
};
