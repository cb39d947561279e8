import * as Clock from "effect/Clock";
import * as Data from "effect/Data";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { randomBytes } from "node:crypto";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import {
  type Audience,
  type GetRequest,
  Presigner,
  type PutRequest,
  type SignedRequest,
} from "../../../application/ports/presigner.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { OrganizationId } from "../../../domain/organization.ts";
import { format, type StorageKey } from "../../../domain/storage-key.ts";
import { codeOf, messageOf } from "../../settings/thrown.ts";
import { getRequest, putRequest } from "../../storage/contract/sample-upload.ts";
import { send } from "../../storage/contract/send.ts";
import { S3Access } from "../../storage/rest/s3-access.ts";
import { signedFetch } from "../../storage/rest/signed-fetch.ts";
import { type Findings, passed, unknown } from "./finding.ts";

/** The bytes of a scratch object, and others of the same size. */
export const BYTES: Uint8Array = randomBytes(1009);
export const OTHER_BYTES: Uint8Array = BYTES.map((byte) => byte ^ 1);

/** Scratch objects belong to an organization that nobody has. */
const ORGANIZATION = OrganizationId.make("valetkey-doctor");
export const SCRATCH = `orgs/${ORGANIZATION}/`;

/** No answer of a store. */
export class NoAnswer extends Data.TaggedError("NoAnswer")<{
  readonly reason: string;
  /** The code of Node, such as `ENOTFOUND`. */
  readonly code?: string;
}> {}

/** How long an answer is waited for; a store may have to make room for its first object. */
export const TIMEOUT = "7 seconds";

/** The store that is examined. */
export type Target = Effect.Success<typeof openTarget>;

/** The configured store with its scratch keys; needs its layer. */
export const openTarget = Effect.gen(function* () {
  const presigner = yield* Presigner;
  const store = yield* ObjectStore;
  const s3 = Option.getOrUndefined(yield* Effect.serviceOption(S3Access));
  const keys: Array<StorageKey> = [];
  let silence: NoAnswer | undefined;
  let mayHaveWritten = false;

  /** Notes that a PUT was not refused. */
  const noted = <A extends { readonly ok: boolean }, E>(
    method: string | undefined,
    exchange: Effect.Effect<A, E>,
  ) =>
    method === "PUT"
      ? Effect.onExit(exchange, (exit) =>
          Effect.sync(() => {
            if (exit._tag === "Failure" || exit.value.ok) mayHaveWritten = true;
          }),
        )
      : exchange;

  /** After one request without an answer the store counts as dead, so that the end is soon. */
  const inTime = <A, E>(exchange: Effect.Effect<A, E>, hasBegun = () => false) =>
    Effect.suspend(() =>
      silence === undefined
        ? Effect.timeoutOrElse(exchange, {
            duration: TIMEOUT,
            orElse: () => {
              silence = hasBegun()
                ? new NoAnswer({ reason: `the answer began, and had no end within ${TIMEOUT}` })
                : new NoAnswer({
                    reason: `there was no answer within ${TIMEOUT}`,
                    code: "ETIMEDOUT",
                  });
              return Effect.fail(silence);
            },
          })
        : Effect.fail(silence),
    );
  const sendInTime = (method: string, url: string, options: Parameters<typeof send>[2] = {}) =>
    Effect.suspend(() => {
      let hasBegun = false;
      const onBegin = () => (hasBegun = true);
      const exchange = Effect.tryPromise({
        try: (signal) => send(method, url, { ...options, signal, onBegin }),
        catch: (cause) =>
          new NoAnswer({ reason: withoutQuery(messageOf(cause)), code: String(codeOf(cause)) }),
      });
      return inTime(noted(method, exchange), () => hasBegun);
    });

  return {
    presigner,
    store,
    s3,
    /** Another endpoint is tried, which may answer. */
    forgetSilence: Effect.sync(() => (silence = undefined)),
    /** A key without an object, which is removed at the end if it has got one. */
    newKey: Effect.map(Clock.currentTimeMillis, (now) => {
      const date = new Date(now);
      const key = format({
        organization: ORGANIZATION,
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        uuid: crypto.randomUUID(),
        extension: ".png",
      });
      keys.push(key);
      return key;
    }),
    send: sendInTime,
    /** Sends a request that one of the keys signs, for an object or for the bucket. */
    asKey: (
      use: keyof S3Access["Service"]["signers"],
      request: Parameters<typeof signedFetch>[1],
      audience: Audience = "internal",
    ) =>
      s3 === undefined
        ? Effect.fail(new NoAnswer({ reason: "the store does not have the API of S3" }))
        : inTime(
            noted(
              request.method,
              signedFetch(
                { signer: s3.signers[use], address: s3.addresses[audience], region: s3.region },
                request,
              ),
            ),
          ),
    signPut: (key: StorageKey, over: Partial<PutRequest> = {}) =>
      presigner.put({ ...putRequest(key), size: ByteSize.make(BYTES.length), ...over }),
    signGet: (key: StorageKey, over: Partial<GetRequest> = {}) =>
      presigner.get({ ...getRequest(key), ...over }),
    put: (signed: SignedRequest, over: { headers?: Headers; body?: Uint8Array } = {}) =>
      sendInTime("PUT", signed.url, {
        headers: { ...signed.headers, ...over.headers },
        body: over.body ?? BYTES,
      }),
    keys,
    mayHaveWritten: () => mayHaveWritten,
  };
});

type Headers = Readonly<Record<string, string>>;

/** Removes what the checks have left under scratch keys, with all its versions. */
export const removeScratch = Effect.fnUntraced(function* (target: Target) {
  const { keys, s3, forgetSilence } = target;
  yield* forgetSilence;
  const removed: (key: StorageKey) => Effect.Effect<boolean, unknown> = (key) =>
    s3 === undefined ? removeByPort(target, key) : removeByRequest(target, key);
  const isLeft = (key: StorageKey) =>
    Effect.match(removed(key), { onSuccess: (isGone) => !isGone, onFailure: () => true });
  const left = yield* Effect.filter(keys, isLeft, { concurrency: 4 });
  return left.length === 0
    ? [passed("scratch", "every scratch object was removed")]
    : [
        unknown(
          "scratch",
          `${left.length} scratch keys below ${SCRATCH} could not be cleared`,
          `allow the service's key s3:DeleteObject, or remove everything below ${SCRATCH} yourself; what Object Lock holds stays until its time`,
        ),
      ];
});

/** As many versions as the checks write under one key, and one more. */
const MOST_VERSIONS = 6;

const removeByRequest = Effect.fnUntraced(function* ({ asKey }: Target, key: StorageKey) {
  for (let round = 0; round < MOST_VERSIONS; round++) {
    const { status, headers } = yield* asKey("service", { method: "HEAD", key });
    if (status === 404) return true;
    const version = headers.get("x-amz-version-id");
    const query = version === null ? [] : [["versionId", version] as const];
    const removed = yield* asKey("service", { method: "DELETE", key, query });
    if (!removed.ok) return false;
  }
  return false;
});

const removeByPort = Effect.fnUntraced(function* ({ store }: Target, key: StorageKey) {
  for (let round = 0; round < MOST_VERSIONS; round++) {
    const facts = yield* store.head(key);
    if (Option.isNone(facts)) return true;
    const { version } = facts.value;
    if (version === undefined) return false;
    yield* store.remove({ key, version });
  }
  return false;
});

/** Errors of Node may quote a URL, whose query is a signature. */
const withoutQuery = (text: string) => text.replaceAll(/\?[^\s)]*/g, "");

/** The findings of a check that may get no answer. */
export const check = <E extends { readonly reason: string }>(
  name: string,
  effect: Effect.Effect<Findings, E>,
): Effect.Effect<Findings> =>
  effect.pipe(
    Effect.catch(({ reason }) => Effect.succeed([unknown(name, reason)])),
    Effect.catchDefect((defect) => Effect.succeed([unknown(name, messageOf(defect))])),
  );
