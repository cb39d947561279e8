import { type Checksum, checksumOf, chooseAlgorithm, MOST_IN_MEMORY } from "./checksum.ts";
import { problemOf, UploadError } from "./errors.ts";
import { failUnlessReadable, unreadable } from "./file.ts";
import type { UploadPolicy } from "./policies.ts";
import type { Tally } from "./progress.ts";
import { noteAnswer, unanswered } from "./reach.ts";
import type { Resumable, UploadStorage } from "./resume.ts";
import { isBusy, persist, Transient, transient } from "./retry.ts";
import type { Run } from "./run.ts";
import { put, type PutAnswer } from "./send.ts";
import { object } from "./decode.ts";
import { CONFIRMED, decodeGrant, type Grant, type Service } from "./service.ts";
import type { Slots } from "./slots.ts";

/** An upload with all that it needs. */
export interface Job extends Resumable {
  readonly run: Run;
  readonly service: Service;
  readonly slots: Slots;
  readonly tally: Tally;
  /** What every request for an upload of the file says. */
  readonly asked: {
    readonly filename: string;
    readonly content_type: string;
    readonly size: number;
    readonly policy: string | undefined;
  };
  /** What that policy says; undefined if it is not among those of the caller. */
  readonly policy: UploadPolicy | undefined;
  readonly isInParts: boolean;
  readonly checksum: boolean | undefined;
  readonly kept: Kept;
}

/** What another upload of the file goes on with: a grant, or parts that no storage remembers. */
export interface Kept {
  granted?: Granted | undefined;
  readonly parts: UploadStorage;
}
type Granted = { readonly grant: Grant; readonly at: number };
export const makeKept = (): Kept => ({ parts: new Map() });

/** An upload that is in the store, and confirmed. */
export interface UploadResult {
  /** The name of the object in its bucket: what to keep. */
  readonly key: string;
  /** Shows the file to everyone who has the URL, for as long as the policy says. */
  readonly getUrl: string;
  /** Opens the file for members of the organization, for good. */
  readonly fileUrl: string;
  /** What the service needs to make a link to the file. */
  readonly receipt: string;
  readonly size: number;
  readonly contentType: string;
  readonly etag: string;
}

/** An upload with one PUT, which may have been granted before. */
export async function uploadWhole(job: Job): Promise<UploadResult> {
  const { run, service, file, kept } = job;
  let body: object | undefined;
  const sign = async () => {
    let { granted } = kept;
    if (granted === undefined || Date.now() - granted.at > lifetimeOf(job)) {
      body ??= await requestOf(job);
      const grant = await service.ask(run, "presign", decodeGrant, body);
      kept.granted = granted = { grant, at: Date.now() };
    }
    return { url: granted.grant.putUrl, headers: granted.grant.putHeaders, at: granted.at };
  };
  return persist(run, async () => {
    await sendSigned(job, { part: 0, body: file, sign, drop: () => (kept.granted = undefined) });
    const { receipt } = (kept.granted as Granted).grant;
    try {
      const confirmed = await service.ask(run, "confirm", object(CONFIRMED), { receipt });
      job.tally.finish();
      return { ...confirmed, receipt };
    } catch (cause) {
      throw problemOf(cause).code === "UPLOAD_INCOMPLETE"
        ? notArrived(cause as UploadError)
        : cause;
    }
  });
}

/** How often something is sent again that the store has not got. */
const MOST_RESENDS = 5;

/** The store has not got what it was sent: something else, such as a captive portal, has answered. */
export const notArrived = (error: UploadError): Transient =>
  new Transient("network", ({ attempt, isLast }) =>
    isLast || attempt > MOST_RESENDS ? error : undefined,
  );

/** How long a URL is used, in milliseconds by a clock that need not be right. */
export const lifetimeOf = ({ policy }: Job): number => (policy?.putLifetime ?? 900) * 1000;

/** The body of a presign request for the file. */
export async function requestOf(job: Job): Promise<object> {
  const algorithm = algorithmFor(job, job.policy?.checksums, job.file.size);
  const checksum = algorithm && (await checksumIn(job, job.file, algorithm));
  return { ...job.asked, strict: true, ...(checksum && { checksum }) };
}

/**
 * The algorithm for a checksum of `size` bytes that the store verifies: if it is asked for,
 * required, or at no cost that anybody would notice.
 */
export function algorithmFor(
  { checksum, policy }: Job,
  offered: ReadonlyArray<string> = [],
  size: number,
): ReturnType<typeof chooseAlgorithm> {
  const isRequired = policy?.requireChecksum === true;
  if (!isRequired && !(checksum ?? size <= MOST_IN_MEMORY)) return undefined;
  const algorithm = chooseAlgorithm(offered, size);
  if (algorithm === undefined && (checksum || isRequired)) {
    throw new UploadError(
      "refused",
      `No checksum can be sent: the store verifies ${offered.join(", ") || "none"}. Leave the option checksum out.`,
    );
  }
  return algorithm;
}

/** The checksum of the file or of a part of it. */
export const checksumIn = (
  { file, asked }: Job,
  body: Blob,
  algorithm: ReturnType<typeof chooseAlgorithm>,
): Promise<Checksum> =>
  checksumOf(body, algorithm).catch((cause: unknown) => {
    throw unreadable(file, asked.filename, cause);
  });

/** A signed PUT. */
export interface Signed {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** When it was asked for, in milliseconds. */
  readonly at: number;
}

/** A body, and what has it signed. */
export interface Sending {
  readonly body: Blob;
  /** The number of the part; 0 for a whole file. */
  readonly part: number;
  readonly sign: () => Promise<Signed>;
  /** Has it signed anew the next time. */
  readonly drop: () => void;
}

/** A URL that is refused within this time did not expire: in milliseconds. */
const FRESH = 60_000;

/** A line that breaks after so many bytes makes progress, until the body went so many times. */
const MUCH = 2 ** 20;
const MOST_TIMES = 20;

/**
 * PUTs to the store until it has the body; a 403 gets one fresh URL. Gives the ETag if it is
 * shared.
 */
export function sendSigned(job: Job, sending: Sending): Promise<string> {
  const { part, body, sign, drop } = sending;
  let wasRenewed = false;
  let carried = 0;
  let signing: Promise<Signed> | undefined;
  return persist(
    job.run,
    (signal, progressed) =>
      job.slots(signal, async () => {
        // An upload that is paused meanwhile keeps no slot from other files.
        const { url, headers, at } = await new Promise<Signed>((resolve, reject) => {
          signal.addEventListener("abort", reject);
          signing ??= sign().finally(() => (signing = undefined));
          signing.then(resolve, reject);
        });
        const age = Date.now() - at;
        let sent = 0;
        const onSent = (bytes: number) => {
          carried += bytes - sent;
          sent = bytes;
          const isCarrying = sent > MUCH && carried < MOST_TIMES * body.size;
          if (job.tally.sent(part, bytes) || isCarrying) progressed();
        };
        let answer: PutAnswer;
        try {
          // A part on its way arrives, also if the upload is paused.
          answer = await put({
            url,
            headers,
            body,
            signal: part ? job.run.signal : signal,
            onSent,
          });
          noteAnswer(url);
        } catch (cause) {
          if (signal.aborted) throw cause;
          await failUnlessReadable(job.file, job.asked.filename);
          throw unanswered({ service: job.service.address, store: url, hasSent: sent > 0 });
        }
        const { status, code = "" } = answer;
        // 412: an attempt whose answer was lost had arrived.
        if ((status >= 200 && status < 300) || (part === 0 && status === 412)) {
          return answer.etag ?? "";
        }
        if (isBusy(status) || BROKEN.test(code)) {
          throw transient("busy", storeRefusal(answer), answer.after);
        }
        if (OTHER_BYTES.test(code)) throw unreadable(job.file, job.asked.filename, answer);
        // It has expired, or the store's clock is another.
        if (status !== 403 || (wasRenewed && age < FRESH)) throw storeRefusal(answer);
        wasRenewed = true;
        drop();
        throw new Transient("expired", () => undefined);
      }),
    (retrying) => job.tally.retry(part, retrying),
  );
}

/**
 * The store's words for a body that did not arrive, and for one that is not that of the checksum.
 */
const BROKEN = /^(?:IncompleteBody|RequestTimeout)$/;
const OTHER_BYTES = /^(?:BadDigest|XAmzContent\w{1,20}Mismatch)$/;

/** Why the store does not take the file. */
function storeRefusal({ status, code, message, after }: PutAnswer): UploadError {
  return new UploadError(
    "store-refused",
    `The store refused the upload: ${message ?? `it answered ${status}`} (${code ?? "no code"}). Try again, or tell the operator.`,
    { status, storeCode: code, retryAfter: after && Math.ceil(after / 1000) },
  );
}
