import * as Data from "effect/Data";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Option from "effect/Option";
import { randomBytes } from "node:crypto";
import { type MultipartId, ObjectStore } from "../../../application/ports/object-store.ts";
import {
  type Audience,
  type GetRequest,
  Presigner,
  type PutRequest,
  type SignedRequest,
} from "../../../application/ports/presigner.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { PartNumber } from "../../../domain/multipart.ts";
import { OrganizationId } from "../../../domain/organization.ts";
import { incomingKey, type ObjectKey, StorageKey } from "../../../domain/storage-key.ts";
import { errorCode, errorMessage } from "../../values/thrown.ts";
import { BucketCors } from "../../storage/bucket-cors.ts";
import { checksumFor } from "../../contract/sending/digest.ts";
import { getRequest, putRequest } from "../../contract/sending/uploads.ts";
import { keyIn, openScratch, versionIn } from "../../contract/running/scratch.ts";
import { type RawAnswer, send } from "../../contract/sending/send.ts";
import { refusalIn } from "../../storage/rest/refusal-reason.ts";
import { signedFetch } from "../../storage/rest/signed-fetch.ts";
import { s3Access } from "../command/with-store.ts";
import type { KeyName, Use } from "./key-names.ts";
import { type Report, reportTo, type Tell } from "./finding.ts";

export interface Examination {
  readonly names: Readonly<Record<Use, KeyName>>;
  readonly origins: ReadonlyArray<string>;
  /** Of the files that policies allow, in bytes. */
  readonly largest: number;
  /** Days that uploads may wait below `incoming/`; 0 if none does. */
  readonly incoming: number;
  /** Some uploads are files at once, so that keys allow that. */
  readonly isDirect: boolean;
  readonly isEmbedded: boolean;
  /** Permission to write what cannot be removed again. */
  readonly mayLeave: boolean;
}

export const BYTES: Uint8Array = randomBytes(1009);

/** Scratch objects belong to an organization that nobody has. */
const ORGANIZATION = OrganizationId.make("valetkey-doctor");
export const SCRATCH = `orgs/${ORGANIZATION}/`;

export class NoAnswer extends Data.TaggedError("NoAnswer")<{
  readonly reason: string;
  /** The code of Node, such as `ENOTFOUND`. */
  readonly code?: string;
}> {}

export const exchange = <A>(ask: (signal: AbortSignal) => Promise<A>) =>
  Effect.tryPromise({
    try: ask,
    catch: (cause) =>
      new NoAnswer({
        // Errors of Node may quote a URL, whose query is a signature.
        reason: errorMessage(cause).replaceAll(/\?[^\s)]*/g, ""),
        code: String(errorCode(cause)),
      }),
  });

/** The time limit of a request; a store may have to allocate space for its first object. */
export const TIMEOUT = "7 seconds";

/** An answer of the store, with its refusal as `403 AccessDenied` in `told`. */
export type StoreAnswer = ReturnType<typeof parse>;

function parse(answer: RawAnswer) {
  const text = answer.body.toString();
  const { code, message = "" } = refusalIn({ status: answer.status, text });
  return { ...answer, text, code, message, told: [answer.status, code].join(" ").trimEnd() };
}

export type Doctor = Effect.Success<ReturnType<typeof openDoctor>>;

export const openDoctor = Effect.fnUntraced(function* (examination: Examination, tell: Tell) {
  const presigner = yield* Presigner;
  const store = yield* ObjectStore;
  const s3 = yield* s3Access;
  const rules = Option.getOrUndefined(yield* Effect.serviceOption(BucketCors));
  const scratch = openScratch({ store, s3 });
  const [algorithm] = presigner.checksums;
  let silence: NoAnswer | undefined;
  let audience: Audience = "public";

  /** Remembers the object that a request may have made, unless it was refused. */
  const remembering = <A extends Pick<RawAnswer | Response, "ok" | "headers">, E>(
    request: { readonly method: string; readonly url: string },
    answer: Effect.Effect<A, E>,
  ) =>
    Effect.onExit(answer, (exit) =>
      Effect.sync(() => {
        const key = keyIn(request.url);
        if (key === undefined || !["PUT", "POST", "DELETE"].includes(request.method)) return;
        if (Exit.isFailure(exit)) scratch.add(key);
        else if (exit.value.ok) scratch.add(key, versionIn(exit.value.headers));
      }),
    );

  /**
   * Limits the time of a request. After one without an answer the store counts as dead, so that the
   * doctor ends soon. An interruption waits for the answer, since its object has to be removed.
   */
  const inTime = <A, E>(answer: Effect.Effect<A, E>, hasBegun = () => false) =>
    Effect.suspend(() =>
      silence !== undefined
        ? Effect.fail(silence)
        : Effect.timeoutOrElse(Effect.interruptible(answer), {
            duration: TIMEOUT,
            orElse: () => {
              silence = hasBegun()
                ? new NoAnswer({ reason: `the answer began, and did not end within ${TIMEOUT}` })
                : new NoAnswer({ reason: `no answer within ${TIMEOUT}`, code: "ETIMEDOUT" });
              return Effect.fail(silence);
            },
          }),
    ).pipe(Effect.uninterruptible);

  const request = (method: string, url: string, options: Parameters<typeof send>[2] = {}) =>
    Effect.suspend(() => {
      let hasBegun = false;
      const onBegin = () => (hasBegun = true);
      const answer = exchange((signal) => send(method, url, { ...options, signal, onBegin }));
      return inTime(remembering({ method, url }, answer), () => hasBegun);
    }).pipe(Effect.map(parse));

  const newKey = Effect.map(DateTime.now, (now) => {
    const [year, month] = DateTime.formatIso(now).split("-");
    return StorageKey.make(`${SCRATCH}files/${year}/${month}/${crypto.randomUUID()}.png`);
  });

  const newUpload = Effect.map(newKey, (key) => (examination.isDirect ? key : incomingKey(key)));

  return {
    ...examination,
    presigner,
    store,
    s3,
    bucket: s3?.bucket ?? "",
    /** The bucket's rules for pages; undefined if they follow a setting of the service. */
    rules,
    scratch,
    /** A checksum of `BYTES`, where the store verifies any. */
    checksummed: algorithm === undefined ? {} : { checksum: checksumFor(algorithm, BYTES) },
    report: (check: string) => reportTo(tell, check),
    /** Lets requests be sent again, to another endpoint. */
    forgetSilence: Effect.sync(() => (silence = undefined)),
    newKey,
    newUpload,
    send: request,
    sendAs: Effect.fnUntraced(function* (
      use: Use,
      sent: Parameters<typeof signedFetch>[1],
      audience: Audience = "internal",
    ) {
      if (s3 === undefined) {
        return yield* new NoAnswer({ reason: "the store does not have the API of S3" });
      }
      const { signers, addresses, region } = s3;
      const fetched = signedFetch(
        { signer: signers[use], address: addresses[audience], region },
        sent,
      );
      const { method, key: url = "" } = sent;
      const { text, headers, ...answer } = yield* inTime(remembering({ method, url }, fetched));
      return parse({ ...answer, headers: Object.fromEntries(headers), body: Buffer.from(text) });
    }),
    /** Signs for another endpoint from now on; for that of browsers at first. */
    signFor: (other: Audience): void => void (audience = other),
    signPut: Effect.fnUntraced(function* (over: Partial<PutRequest> = {}) {
      const key = over.key ?? (yield* newUpload);
      const size = ByteSize.make(BYTES.length);
      return { key, ...(yield* presigner.put({ ...putRequest(key), size, audience, ...over })) };
    }),
    signPart: (upload: MultipartId) =>
      presigner.part?.({
        ...putRequest(upload.key),
        ...upload,
        partNumber: PartNumber.make(1),
        size: ByteSize.make(BYTES.length),
        audience,
      }) ?? Effect.die("parts are begun and not signed"),
    signGet: (key: ObjectKey, over: Partial<GetRequest> = {}) =>
      presigner.get({ ...getRequest(key), audience, ...over }),
    put: (
      signed: Pick<SignedRequest, "url" | "headers">,
      over: { headers?: SignedRequest["headers"]; body?: Uint8Array } = {},
    ) =>
      request("PUT", signed.url, {
        body: BYTES,
        ...over,
        headers: { ...signed.headers, ...over.headers },
      }),
  };
});

export const removeScratch = ({ scratch, report, forgetSilence }: Doctor) =>
  Effect.gen(function* () {
    if (scratch.names().length === 0) return;
    yield* forgetSilence;
    const { passed, unknown } = report("scratch");
    const left = yield* Effect.timeoutOption(scratch.remove, "1 minute");
    if (Option.isNone(left)) return unknown(`scratch objects may be left below ${SCRATCH}`);
    const names = left.value;
    if (names.length === 0) return passed("every scratch object was removed");
    return unknown(
      `${names.length} scratch keys could not be removed`,
      `allow the service's key what \`valetkey policy service\` prints, and remove these yourself: ${names.join(", ")}`,
    );
  });

export const withWrongSignature = (url: string): string =>
  url.replace(/((?:-Signature|[?&]sig)=)[^&]+/, `$1${"0".repeat(64)}`);

/** Makes a check of its name and its work; without an answer it reports that it could not tell. */
export const check =
  <Args extends ReadonlyArray<unknown>, A>(
    name: string,
    run: (
      doctor: Doctor,
      report: Report,
      ...args: Args
    ) => Effect.fn.Return<A, { readonly reason: string }>,
  ) =>
  (doctor: Doctor, ...args: Args) => {
    const report = doctor.report(name);
    return Effect.gen(() => run(doctor, report, ...args)).pipe(
      Effect.catch(({ reason }) => Effect.sync(() => report.unknown(reason))),
      Effect.catchDefect((defect) => Effect.sync(() => report.unknown(errorMessage(defect)))),
    );
  };
