import * as Clock from "effect/Clock";
import * as Data from "effect/Data";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { putChecksums } from "../../../application/ports/abilities.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import {
  type Audience,
  type GetRequest,
  Presigner,
  type PutRequest,
  type SignedRequest,
} from "../../../application/ports/presigner.ts";
import { OrganizationId } from "../../../domain/organization.ts";
import { incomingKey, type ObjectKey } from "../../../domain/storage-key.ts";
import { aroundStore } from "../../../application/store/store-calls.ts";
import { errorCode, errorMessage } from "../../values/thrown.ts";
import { BucketCors } from "../../storage/bucket-cors.ts";
import type { StorePromise } from "../../contract/promises/store-promise.ts";
import { rememberingCall, rememberingRequests } from "../../contract/running/remember.ts";
import { openScratch } from "../../contract/running/scratch.ts";
import { tryPromise } from "../../contract/running/try-promise.ts";
import { checksumFor } from "../../contract/sending/digest.ts";
import {
  type Listener,
  type Listeners,
  type RawAnswer,
  withExchanges,
} from "../../contract/sending/exchange.ts";
import { NoAnswer as Silence, type SentRequest } from "../../contract/sending/exchange.ts";
import { send } from "../../contract/sending/send.ts";
import type { BuiltStore } from "../../contract/subject/subject.ts";
import { CONTENT, getRequest, newKey, putRequest } from "../../contract/sending/uploads.ts";
import { refusalIn } from "../../storage/rest/refusal-reason.ts";
import { signedRequest, type UnsignedRequest } from "../../storage/rest/signed-fetch.ts";
import { s3Access } from "../command/with-store.ts";
import type { KeyName, Use } from "./key-names.ts";
import { type Report, reportTo, type OnFinding } from "./finding.ts";

export interface Examination {
  readonly names: Readonly<Record<Use, KeyName>>;
  readonly origins: ReadonlyArray<string>;
  /** Largest file that policies allow, in bytes. */
  readonly largest: number;
  /** Days that uploads may wait below `incoming/`; 0 if none does. */
  readonly incoming: number;
  /** True if some uploads are files at once, so that keys must allow that. */
  readonly isDirect: boolean;
  /** True if a policy gives tools temporary credentials. */
  readonly hasTools: boolean;
  readonly isEmbedded: boolean;
  /** True to write objects that cannot be removed. */
  readonly mayLeave: boolean;
  /** Set if the store's owner is not trusted. */
  readonly untrusted?: Listeners["untrusted"];
}

/** Scratch objects belong to an unused organization. */
export const ORGANIZATION = OrganizationId.make("valetkey-doctor");
export const SCRATCH = `orgs/${ORGANIZATION}/`;

export class NoAnswer extends Data.TaggedError("NoAnswer")<{
  readonly reason: string;
  /** The code of Node, such as `ENOTFOUND`. */
  readonly code?: string;
  /** True if the time limit was exceeded. */
  readonly isSilent?: boolean;
}> {}

export const exchange = <A>(ask: (signal: AbortSignal) => Promise<A>) =>
  Effect.tryPromise({
    try: ask,
    catch: (cause) =>
      new NoAnswer({
        // Errors of Node may quote a URL, whose query is a signature.
        reason: errorMessage(cause).replaceAll(/\?[^\s)]*/g, ""),
        code: String(errorCode(cause)),
        isSilent: cause instanceof Silence,
      }),
  });

/** Longest silence of the store in milliseconds; it may have to allocate space for its first object. */
export const SILENCE = 7000;

/** An answer of the store, with its refusal as `403 AccessDenied` in `summary`. */
export type StoreAnswer = ReturnType<typeof parse>;

function parse(answer: RawAnswer) {
  const text = answer.body.toString();
  const { code, message = "" } = refusalIn({ status: answer.status, text });
  return { ...answer, text, code, message, summary: [answer.status, code].join(" ").trimEnd() };
}

export type Doctor = Effect.Success<ReturnType<typeof openDoctor>>;

export const openDoctor = Effect.fnUntraced(function* (examination: Examination, tell: OnFinding) {
  const presigner = yield* Presigner;
  const store = yield* ObjectStore;
  const s3 = yield* s3Access;
  const rules = Option.getOrUndefined(yield* Effect.serviceOption(BucketCors));
  const scratch = openScratch({ store, s3 });
  const remember = rememberingRequests(scratch);
  const remembering = rememberingCall(scratch);
  const bucket = s3?.bucket ?? "";
  const [algorithm] = putChecksums(store.abilities);
  const { untrusted } = examination;
  let silence: NoAnswer | undefined;
  let audience: Audience = "public";

  const onExchange: Listener = (sent, answer) => {
    if (["PUT", "POST", "DELETE"].includes(sent.method)) remember(sent, answer);
  };

  /**
   * Lets requests through until one gets no answer: then the store counts as dead, so that the
   * doctor ends soon. An interruption waits for the answer, since its object has to be removed.
   */
  const alive = <A, E>(asking: Effect.Effect<A, E>) =>
    Effect.uninterruptible(Effect.suspend((): Effect.Effect<A, E | NoAnswer> => silence ?? asking));

  const request = (...sent: Parameters<typeof send>) =>
    exchange(() =>
      withExchanges({ onExchange, silence: SILENCE, untrusted }, () => send(...sent)),
    ).pipe(
      Effect.tapError((failure) =>
        Effect.sync(() => (silence = failure.isSilent === true ? failure : silence)),
      ),
      alive,
      Effect.map(parse),
    );

  return {
    ...examination,
    presigner,
    store,
    s3,
    bucket,
    /** The bucket's rules for pages; undefined if they follow a setting of the service. */
    rules,
    scratch,
    /** A checksum of `CONTENT`, where the store verifies any. */
    checksummed: algorithm === undefined ? {} : { checksum: checksumFor(algorithm, CONTENT) },
    report: (check: string) => reportTo(tell, check),
    /** Allows requests again, to another endpoint. */
    forgetSilence: Effect.sync(() => (silence = undefined)),
    newKey: () => newKey(ORGANIZATION),
    send: request,
    sendAs: Effect.fnUntraced(function* (
      use: Use,
      { body, ...sent }: UnsignedRequest & { readonly body?: string },
      at: Audience = "internal",
    ) {
      if (s3 === undefined) {
        return yield* new NoAnswer({ reason: "the store does not have the API of S3" });
      }
      const { signers, addresses, region } = s3;
      const place = { signer: signers[use], address: addresses[at], region };
      const { url, headers } = yield* signedRequest(place, sent);
      return yield* request(sent.method, url, { headers, ...(body !== undefined && { body }) });
    }),
    /** Tries a promise of the contract by the store's time, and returns the exchanges. */
    tryPromise: Effect.fnUntraced(function* (promise: StorePromise, at: Audience = audience) {
      const clock = yield* Clock.Clock;
      const byClock = <A, E>(call: Effect.Effect<A, E>) =>
        Effect.provideService(call, Clock.Clock, clock);
      const { part } = presigner;
      const exchanges = new Map<SentRequest, StoreAnswer | undefined>();
      let refusal: unknown;
      const built: BuiltStore = {
        bucket,
        presigner: {
          ...presigner,
          put: (put) => byClock(presigner.put({ ...put, audience: at })),
          get: (get) => byClock(presigner.get({ ...get, audience: at })),
          ...(part && { part: (put) => byClock(part({ ...put, audience: at })) }),
        },
        store: aroundStore(store, (call, made, given) => byClock(remembering(call, made, given))),
        s3,
        has: (ability) => store.abilities.has(ability),
        refusals: [400, 401, 403],
        organization: ORGANIZATION,
        policy: examination.isDirect ? "files" : "incoming",
        // A key that may not list is not summary that nothing is there.
        absent: [403, 404],
      };
      const outside: Listeners = {
        onExchange: (sent, answer) => {
          onExchange(sent, answer);
          exchanges.set(sent, answer && parse(answer));
        },
        onRefusal: (refused) => (refusal = refused),
        silence: SILENCE,
        untrusted,
      };
      const trying = Effect.promise(() => tryPromise(promise, built, outside));
      const { isSilent, outcome, why: whole = "" } = yield* alive(trying);
      const why = whole.replace("the store did not answer: ", "");
      if (isSilent) silence = new NoAnswer({ reason: why });
      const all = [...exchanges].map(([{ method, url }, answer]) => ({ method, url, answer }));
      const put = all.find(({ method }) => method === "PUT");
      return { outcome, why, refusal, put, gets: all.filter(({ method }) => method === "GET") };
    }),
    /** Signs for another endpoint from now on; at first for that of browsers. */
    signFor: (other: Audience): void => void (audience = other),
    signPut: Effect.fnUntraced(function* (over: Partial<PutRequest> = {}) {
      const key = newKey(ORGANIZATION);
      const at = examination.isDirect ? key : incomingKey(key);
      return { key: at, ...(yield* presigner.put({ ...putRequest(at), audience, ...over })) };
    }),
    signGet: (key: ObjectKey, over: Partial<GetRequest> = {}) =>
      presigner.get({ ...getRequest(key), audience, ...over }),
    put: (
      signed: Pick<SignedRequest, "url" | "headers">,
      over: { headers?: SignedRequest["headers"]; body?: Uint8Array } = {},
    ) =>
      request("PUT", signed.url, {
        body: CONTENT,
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

/** Makes a check from a name and its work; without an answer it reports "could not tell". */
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
