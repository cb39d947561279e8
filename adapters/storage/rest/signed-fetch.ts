import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Metric from "effect/Metric";
import { type CredentialsUnavailable, StoreUnavailable } from "../../../domain/errors.ts";
import { isFolded, type ObjectKey } from "../../../domain/storage-key.ts";
import { series } from "../../values/metrics.ts";
import { fetchFailure } from "../../values/thrown.ts";
import type { BucketAddress } from "../signing/bucket-address.ts";
import type { CredentialSource, Signer } from "../signing/signer.ts";
import { encodeKey, type Pair } from "../signing/v4.ts";
import type { Untrusted } from "../untrusted.ts";
import { bounded } from "./bounded-body.ts";
import { codeIn, temporaryFailure } from "./temporary.ts";
import { trustedFetch } from "./trusted-fetch.ts";
import { untrustedFetch } from "./untrusted-fetch.ts";

/**
 * Allowed difference of clocks in seconds, as S3's for signatures in headers: with a slow clock,
 * signatures are old when they arrive.
 */
const CLOCK_TOLERANCE = 15 * 60;

export interface Bucket {
  readonly signer: CredentialSource<Signer>;
  readonly address: BucketAddress;
  readonly region: string;
  /** Set if its owner is not trusted. */
  readonly untrusted?: Untrusted | undefined;
}

/** The text is empty after `HEAD`, and the body is null unless it was requested. */
export type StoreResponse = Pick<Response, "status" | "ok" | "headers" | "body"> & {
  readonly text: string;
};

/** Fails with the reason why a store refused. */
export type Refuse = (answer: StoreResponse) => Effect.Effect<never, StoreUnavailable>;

export interface UnsignedRequest {
  readonly method: "HEAD" | "GET" | "PUT" | "POST" | "DELETE";
  readonly key?: ObjectKey;
  readonly query?: ReadonlyArray<Pair>;
  /** With lower-case names. */
  readonly headers?: ReadonlyArray<Pair>;
}

/** Signs a request; its headers are the given ones and the signer's. */
export const signedRequest = Effect.fnUntraced(function* (
  { signer: held, address, region }: Bucket,
  { method, key, query = [], headers = [] }: UnsignedRequest,
) {
  const { origin, host, unsignedPrefix, path } = address;
  if (key !== undefined && isFolded(key)) return yield* FOLDED;
  const now = yield* Clock.currentTimeMillis;
  const signer = yield* held(now, 0);
  const url = yield* signer.sign({
    method,
    origin,
    unsignedPrefix,
    path: key === undefined ? path || "/" : `${path}/${encodeKey(key)}`,
    query,
    headers: [["host", host] as const, ...headers].toSorted(([a], [b]) => (a < b ? -1 : 1)),
    region,
    now,
    expiresIn: CLOCK_TOLERANCE,
  });
  return { url, headers: { ...Object.fromEntries(headers), ...signer.headers } };
});

type Sent = UnsignedRequest & {
  readonly body?: string | Uint8Array<ArrayBuffer> | null;
  /** True for an object, whose bytes the caller reads or closes, undecoded. */
  readonly isStreamed?: boolean;
};

export const signedFetch = Effect.fnUntraced(function* (bucket: Bucket, request: Sent) {
  return yield* exchange(bucket, request, yield* signedRequest(bucket, request));
}, Effect.mapError(asUnavailable));

/** Sends a request as it was signed. */
export const exchange = (
  { untrusted }: Pick<Bucket, "untrusted">,
  { method, key, body = null, isStreamed = false }: Sent,
  { url, headers }: Effect.Success<ReturnType<typeof signedRequest>>,
): Effect.Effect<StoreResponse, StoreUnavailable> =>
  Effect.tryPromise({
    try: async (signal): Promise<StoreResponse> => {
      const sent = { method, headers: { ...headers, ...(isStreamed && UNCODED) }, signal, body };
      const answer =
        untrusted === undefined
          ? await trustedFetch(url, sent)
          : await untrustedFetch(url, untrusted, sent);
      const { status, ok, headers: received } = answer;
      const facts = { status, ok, headers: received };
      if (isStreamed && ok) return { ...facts, text: "", body: answer.body };
      return { ...facts, text: await textIn(answer.body), body: null };
    },
    catch: (cause) =>
      cause instanceof StoreUnavailable
        ? cause
        : new StoreUnavailable({ kind: "unreachable", reason: fetchFailure(cause) }),
  }).pipe(
    Effect.tap((answer) => (isPage(answer, method, key) ? WEB_PAGE : Effect.void)),
    Effect.tap(compareClocks),
    Effect.tap(failIfTemporary),
  );

/** Makes a call whose answer only confirms it, as these other statuses do too. */
export const doneBy = Effect.fnUntraced(function* (
  bucket: Bucket,
  request: Parameters<typeof signedFetch>[1],
  refuse: Refuse,
  ...others: ReadonlyArray<number>
) {
  const answer = yield* signedFetch(bucket, request);
  if (!answer.ok && !others.includes(answer.status)) yield* refuse(answer);
});

const UNCODED = { "accept-encoding": "identity" };

async function textIn(body: Response["body"]): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of bounded(body ?? [])) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

const clockDifference = series("valetkey_store_clock_difference_seconds");

const compareClocks = ({ headers }: StoreResponse) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const seconds = (now - Date.parse(headers.get("date") ?? "")) / 1000;
    return Number.isNaN(seconds) ? Effect.void : Metric.update(clockDifference, seconds);
  });

function failIfTemporary({ status, headers, text }: StoreResponse) {
  const retryAfter = headers.get("retry-after");
  const failure = temporaryFailure({ status, code: codeIn(text), retryAfter });
  return failure === undefined ? Effect.void : Effect.fail(failure);
}

/** Returns true for an answer of a proxy, a login page or a site; an object may be a page. */
const isPage = ({ status, ok, headers, text }: StoreResponse, method: string, key?: ObjectKey) =>
  method === "HEAD"
    ? key === undefined && mayBePage(headers)
    : (status < 405 && /^\s*<(?:!doctype )?html/i.test(text.slice(0, 200))) ||
      // A store answers a removal with nothing or XML.
      (ok && method === "DELETE" && !/^\s*(?:<|$)/.test(text));

/**
 * Requests the bucket's headers. An answer without a body may call itself a page, as moto's do; one
 * with a body shows it.
 */
export const headBucket = (bucket: Bucket): ReturnType<typeof signedFetch> =>
  signedFetch(bucket, { method: "HEAD" }).pipe(
    Effect.catch((failure) =>
      failure.kind === "senseless" ? listOne(bucket) : Effect.fail(failure),
    ),
  );

export const listOne = (bucket: Bucket): ReturnType<typeof signedFetch> =>
  signedFetch(bucket, { method: "GET", query: [["max-keys", "1"]] });

/** Requests an object's headers; the object may be a page itself. */
export const headObject = Effect.fnUntraced(function* (
  bucket: Bucket,
  key: ObjectKey,
  headers: ReadonlyArray<Pair> = [],
) {
  const look = signedFetch(bucket, { method: "HEAD", key, headers });
  const answer = yield* look;
  if (!mayBePage(answer.headers)) return answer;
  // While the store is down, its bucket is a page too. It may be back since the first look.
  yield* headBucket(bucket);
  return yield* look;
});

/** Returns true for an answer without a store's own headers beside the type. */
export const mayBePage = (headers: Headers): boolean =>
  headers.get("content-type")?.startsWith("text/html") === true &&
  ![...headers.keys()].some((name) => /^x-(?:amz|goog|ms|openstack)-/.test(name));

export const unavailable = (reason: string, kind: StoreUnavailable["kind"] = "refused") =>
  Effect.fail(new StoreUnavailable({ reason, kind }));

const FOLDED = unavailable(
  "a name with the segment . or .. is that of another object in a URL: only a rule of the bucket can remove it",
);

const WEB_PAGE = unavailable(
  "a web page was answered in the place of the store; check its endpoint, and what is in front of it",
  "senseless",
);

/** Converts missing credentials to a store that is not called. */
export function asUnavailable(failure: StoreUnavailable | CredentialsUnavailable) {
  if (failure._tag === "StoreUnavailable") return failure;
  const { reason, isFinal = false } = failure;
  return new StoreUnavailable({ reason, kind: "refused", isTemporary: !isFinal });
}
