import * as Clock from "effect/Clock";
import * as Data from "effect/Data";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
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
import { codeOf, messageOf } from "../../thrown.ts";
import { BucketCors } from "../../storage/bucket-cors.ts";
import { getRequest, putRequest } from "../../storage/contract/uploads.ts";
import { keyIn, openScratch, versionIn } from "../../storage/contract/scratch.ts";
import { type Answer, send } from "../../storage/contract/send.ts";
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
  const rules = Option.getOrUndefined(yield* Effect.serviceOption(BucketCors));
  const scratch = openScratch({ store, s3 });
  let silence: NoAnswer | undefined;

  /** Notes what a request may have made, unless it was refused. */
  const noted = <A extends Pick<Answer | Response, "ok" | "headers">, E>(
    request: { readonly method: string; readonly url: string },
    exchange: Effect.Effect<A, E>,
  ) =>
    Effect.onExit(exchange, (exit) =>
      Effect.sync(() => {
        const key = keyIn(request.url);
        if (key === undefined || !["PUT", "POST", "DELETE"].includes(request.method)) return;
        if (Exit.isFailure(exit)) scratch.add(key);
        else if (exit.value.ok) scratch.add(key, versionIn(exit.value.headers));
      }),
    );

  /**
   * After one request without an answer the store counts as dead, so that the end is soon. An
   * interruption waits for the answer, since what it makes has to be removed.
   */
  const inTime = <A, E>(exchange: Effect.Effect<A, E>, hasBegun = () => false) =>
    Effect.suspend(() =>
      silence === undefined
        ? Effect.timeoutOrElse(Effect.interruptible(exchange), {
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
    ).pipe(Effect.uninterruptible);
  const sendInTime = (method: string, url: string, options: Parameters<typeof send>[2] = {}) =>
    Effect.suspend(() => {
      let hasBegun = false;
      const onBegin = () => (hasBegun = true);
      const exchange = Effect.tryPromise({
        try: (signal) => send(method, url, { ...options, signal, onBegin }),
        catch: (cause) =>
          new NoAnswer({ reason: withoutQuery(messageOf(cause)), code: String(codeOf(cause)) }),
      });
      return inTime(noted({ method, url }, exchange), () => hasBegun);
    });

  return {
    presigner,
    store,
    s3,
    /** The bucket's rules for pages; undefined if they follow a setting of the service. */
    rules,
    /** Another endpoint is tried, which may answer. */
    forgetSilence: Effect.sync(() => (silence = undefined)),
    scratch,
    inTime,
    /** A key without an object. */
    newKey: Effect.map(Clock.currentTimeMillis, (now) => {
      const date = new Date(now);
      return format({
        organization: ORGANIZATION,
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        uuid: crypto.randomUUID(),
        extension: ".png",
      });
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
              { method: request.method, url: request.key ?? "" },
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
  };
});

type Headers = Readonly<Record<string, string>>;

/** Removes what the checks have made under scratch keys. */
export const removeScratch = ({ scratch }: Target): Effect.Effect<Findings> =>
  scratch.remove.pipe(
    Effect.map((left) =>
      left.length === 0
        ? [passed("scratch", "every scratch object was removed")]
        : [
            unknown(
              "scratch",
              `${left.length} scratch keys below ${SCRATCH} could not be cleared`,
              `allow the service's key what \`valetkey policy service\` prints, and remove these yourself: ${left.join(", ")}`,
            ),
          ],
    ),
    Effect.timeoutOrElse({
      duration: "10 seconds",
      orElse: () =>
        Effect.succeed([unknown("scratch", `scratch objects may be left below ${SCRATCH}`)]),
    }),
  );

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
