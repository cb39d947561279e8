import { decodeGrant, type SignedTarget, type UploadPolicy, type UploadResult } from "./decode.ts";
import type { Confirm } from "./confirm.ts";
import { problemIn, UploadError } from "./errors.ts";
import {
  type Algorithm,
  type Checksum,
  computeChecksum,
  chooseAlgorithm,
  failUnlessReadable,
  isReadable,
  MOST_IN_MEMORY,
  unreadable,
} from "./file.ts";
import type { Tally, UploadProgress } from "./progress.ts";
import { noteAnswer, unanswered } from "./reach.ts";
import type { Prepare } from "./prepare.ts";
import type { PendingUpload, Resumable } from "./resume.ts";
import { isBusy, persist, Transient, transient } from "./retry.ts";
import { awake, type RetryOptions, type Run, type Task, unlessAborted } from "./run.ts";
import { put, type PutAnswer } from "./send.ts";
import type { Service } from "./service.ts";
import { type Slots, SmallerParts } from "./slots.ts";

/** Options of one upload. */
export interface UploadOptions {
  /** The name of the file; `file.name` if left out. */
  readonly filename?: string | undefined;
  /**
   * Its place in a folder, such as `holidays/2026/a.png`; that in the folder which was dropped or
   * chosen if left out, and none if empty. The result has it again.
   */
  readonly path?: string | undefined;
  /** The media type; if left out `file.type`, or that of its extension in the policy. */
  readonly contentType?: string | undefined;
  /** The policy to upload under; `files` if left out. */
  readonly policy?: string | undefined;
  /** Metadata: up to 16 pairs of text, 1 KiB together. The result has it again. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined;
  /** Makes what is uploaded in place of the file, before anything else is done. */
  readonly prepare?: Prepare | undefined;
  /** Aborts the upload. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Sends a checksum that the store verifies: `true` for any size, `false` only where the policy
   * requires it; if left out, where it costs little.
   */
  readonly checksum?: boolean | undefined;
  /**
   * Files of more bytes than this are sent in parts, where the store takes them; `false` for none,
   * 5 MiB if left out.
   */
  readonly multipart?: number | false | undefined;
  /**
   * Continues an earlier upload in parts of the same file, also after a reload; `false` forgets it.
   * With one of `pending()` that one is continued, under its policy; the upload fails if the file
   * is another.
   */
  readonly resume?: boolean | PendingUpload | undefined;
  /** For how long failures are tried again; 5 minutes without progress if left out. */
  readonly retry?: RetryOptions | undefined;
}

/** An upload under way. It rejects with an `UploadError`. */
export interface UploadTask<Data = unknown> extends Task<UploadResult<Data>> {
  /** Uploads the file again once it has failed, from where it was left. */
  readonly retry: () => UploadTask<Data>;
}

export interface Job extends Resumable {
  readonly run: Run;
  /** What is sent. */
  readonly file: Blob;
  readonly service: Service;
  readonly slots: Slots;
  /** The most parts on their way at a time. */
  readonly concurrency: number;
  readonly tally: Tally;
  /** Makes the request for a grant of the whole file once, with its checksum. */
  readonly request: () => Promise<object>;
  /** Confirms the whole file. */
  readonly confirm: Confirm;
  /** Undefined if the caller has no policy of that name. */
  readonly policy: UploadPolicy | undefined;
  readonly isInParts: boolean;
  /** The bytes of the smallest part that the store takes; `Infinity` if the file goes in none. */
  readonly smallestPart: number;
  /** The bytes of a part that the upload begins with, if they are not the usual. */
  readonly partSize?: number;
  readonly checksum: boolean | undefined;
  readonly kept: UploadState;
}

/** What a retry of the upload continues with. */
export interface UploadState {
  /** Kept so that a progress bar does not restart. */
  tally?: Tally;
  /** What `prepare` has made of the file, until that is uploaded. */
  prepared?: Promise<Blob> | undefined;
  /** The numbers of bodies that were sent whole, and may have arrived. */
  readonly gone: Set<number>;
  /** By the number of the part, 0 for a whole file; `at` is the time of the request. */
  readonly signatures: Map<number, Signature>;
  /** Parts, for uploads that no storage remembers. */
  readonly parts: Map<string, string>;
}

export const makeKept = (): UploadState => ({
  gone: new Set(),
  signatures: new Map(),
  parts: new Map(),
});

type Signature = { readonly at: number; readonly signed: Promise<SignedTarget> };

export function keepSigned(
  { kept }: Job,
  numbers: ReadonlyArray<number>,
  targets: Promise<ReadonlyArray<SignedTarget>>,
): void {
  for (const [index, number] of numbers.entries()) {
    const signed = targets.then((all) => all[index] as SignedTarget);
    kept.signatures.set(number, { at: Date.now(), signed });
    // The upload of the part reports it.
    signed.catch(() => undefined);
  }
}

/** A file, or a part of one, that is sent with one PUT. */
export interface Part {
  /** 0 for a whole file. */
  readonly number: number;
  readonly body: Blob;
  /** Requests a signature for it. */
  readonly sign: () => void;
  /** Looks for a body that was sent whole, without an answer; undefined if it has not arrived. */
  readonly find: () => Promise<KnownTarget | undefined>;
  /**
   * Called when the line broke after so many bytes of the body, and with 0 before each attempt,
   * once others that were on their way have ended: where one of them broke, it need not begin.
   */
  readonly onBreak: (sent: number) => void;
}

/** The share of what a line carries between breaks that a part has: half of one is lost by each. */
const SHARE_OF_CARRIED = 16;

/** Throws if the store takes parts that fit the line better than bodies of `size` bytes. */
export function failIfTooLarge({ smallestPart }: Job, size: number, carried: number): void {
  const fitting = Math.max(smallestPart, Math.ceil(carried / SHARE_OF_CARRIED));
  if (fitting <= size / 2) throw new SmallerParts(fitting);
}

type KnownTarget = Partial<SignedTarget & Pick<PutAnswer, "etag">>;

/** Uploads a file with one PUT, which may have been granted before. */
export async function uploadWhole(job: Job): Promise<UploadResult> {
  const { run, service, file: body, kept } = job;
  const ask = async () => [await service.ask(run, "presign", decodeGrant, await job.request())];
  const sign = () => keepSigned(job, [0], ask());
  let result: UploadResult | undefined;
  const confirm = async ({ receipt = "" }: Partial<SignedTarget>) =>
    (result = await job.confirm(run, receipt));
  const find = async () => {
    try {
      await confirm((await kept.signatures.get(0)?.signed) ?? {});
      return {};
    } catch (cause) {
      // It has not arrived, or the receipt is too old: then it is sent.
      if (/^(?:mismatch|refused)$/.test((cause as UploadError).code)) return undefined;
      throw cause;
    }
  };
  return persist(run, async () => {
    const onBreak = (sent: number) => void (sent && failIfTooLarge(job, body.size, sent));
    const sent = await sendPart(job, { number: 0, body, sign, find, onBreak });
    try {
      const confirmed = result ?? (await confirm(sent));
      job.tally.finish();
      return confirmed;
    } catch (cause) {
      if (problemIn(cause).code !== "UPLOAD_INCOMPLETE") throw cause;
      kept.gone.delete(0);
      throw notArrived(cause as UploadError);
    }
  });
}

/** The most times that a body is sent again because the store lacks it. */
const MOST_RESENDS = 5;

/** Returns the failure for a body that something else, such as a captive portal, accepted. */
export const notArrived = (error: UploadError): Transient =>
  new Transient("network", ({ attempt, isLast }) =>
    isLast || attempt > MOST_RESENDS ? error : undefined,
  );

/** Returns true if the URL of a part has not expired, by the time since its request. */
export const isSigned = ({ policy, kept }: Job, number: number): boolean =>
  Date.now() - (kept.signatures.get(number)?.at ?? 0) < (policy?.putLifetime ?? 900) * 1000;

export async function requestFor(job: Job): Promise<object> {
  const algorithm = algorithmFor(job, job.policy?.checksums, job.file.size);
  const checksum = algorithm && (await checksumIn(job, job.file, algorithm));
  return { ...job.fields, strict: true, ...(checksum && { checksum }) };
}

/**
 * Chooses the algorithm for a checksum of `size` bytes that the store verifies, if it is required,
 * requested, or hardly costs anything.
 */
export function algorithmFor(
  { checksum, policy, file }: Job,
  offered: ReadonlyArray<string> = [],
  size: number,
): Algorithm | undefined {
  const isRequired = policy?.requireChecksum === true;
  if (!isRequired && !(checksum ?? size <= MOST_IN_MEMORY)) return undefined;
  const isWanted = isRequired || checksum === true;
  // MD5 blocks the page's thread, and only detects accidents.
  const usable = isWanted ? offered : offered.filter((each) => each !== "md5");
  const algorithm = isReadable(file) ? chooseAlgorithm(usable, size) : undefined;
  if (algorithm === undefined && isWanted) {
    const message = `No checksum can be sent: the store verifies ${offered.join(", ") || "none"}${isReadable(file) ? "" : ", and files cannot be read here"}. ${isRequired ? "Tell the operator: the policy requires one." : "Leave the option checksum out."}`;
    throw new UploadError("refused", message);
  }
  return algorithm;
}

export const checksumIn = (
  { file, fields }: Job,
  body: Blob,
  algorithm: Algorithm | undefined,
): Promise<Checksum> =>
  computeChecksum(body, algorithm).catch((cause: unknown) => {
    throw unreadable(file, fields.filename, cause);
  });

/** A URL that is refused within this time, in milliseconds, did not expire. */
const EXPIRY_GRACE = 60_000;

/** A connection that breaks after so many bytes made progress, until so many breaks in a row. */
const PROGRESS_BYTES = 2 ** 20;
const MOST_CUTS = 40;

/**
 * A body that was sent whole, without an answer for this time, in milliseconds, is probably stuck
 * in a proxy that is too slow.
 */
const LONGEST_SILENCE = 45_000;
const MOST_IN_VAIN = 3;

/** PUTs a part to the store until it is there; a 403 gets one fresh URL. */
export function sendPart(job: Job, part: Part): Promise<KnownTarget> {
  const { run, service, slots, tally, file, fields } = job;
  const { number, body, sign, find, onBreak } = part;
  const { gone, signatures } = job.kept;
  let wasRenewed = false;
  let inVain = 0;
  /** True once a large body was tried: from then on the service has to answer before each one. */
  let wasTried = false;
  return persist(
    run,
    async (outer, progressed) => {
      const stored = (wasTried || gone.has(number)) && (await find());
      if (stored) return stored;
      // The system took it; how much the line carried is unknown.
      if (gone.delete(number)) onBreak(body.size);
      return slots(outer, body.size, async (times) => {
        if (!isSigned(job, number)) sign();
        const { at, signed: asking } = signatures.get(number) as Signature;
        asking.catch(() => signatures.delete(number));
        // A paused upload must not keep a slot from other files.
        const signed = await unlessAborted(outer, asking);
        const age = Date.now() - at;
        let sent = 0;
        let goneAt = Infinity;
        const onSent = (bytes: number) => {
          sent = bytes;
          if (sent === body.size) {
            gone.add(number);
            goneAt = awake();
            times.taken = performance.now();
          }
          if (tally.sent(number, bytes)) progressed();
        };
        const unstable = (what: string, count: number) => {
          const message = `${what} ${count} times before ${body.size} bytes got through. Use a better connection, then try again.`;
          return new UploadError("unstable", message);
        };
        const failIfUnstable = (isCut: boolean) => {
          if (awake() - goneAt > LONGEST_SILENCE) {
            // What was before, such as an outage, is over.
            run.progressAt = Math.max(run.progressAt, goneAt);
            const error = unstable("No answer came in time", ++inVain);
            throw inVain === MOST_IN_VAIN ? error : transient("network", error);
          }
          if (isCut && sent > PROGRESS_BYTES) {
            if (++run.cuts >= MOST_CUTS) throw unstable("The connection broke", MOST_CUTS);
            progressed();
          }
        };
        // A part on its way arrives even if the upload is paused.
        const signal = number ? run.signal : outer;
        const { url } = signed;
        onBreak(0);
        wasTried = body.size > PROGRESS_BYTES;
        times.begun = performance.now();
        const answer = await put({ ...signed, body, signal, onSent }).catch(async (cause) => {
          if (outer.aborted) throw cause;
          await failUnlessReadable(file, fields.filename);
          if (sent > 0 && sent < body.size) onBreak(sent);
          failIfUnstable(true);
          // A browser sends a body only where an answer permits it, also if a later attempt sends none.
          if (sent > 0) noteAnswer(url);
          throw unanswered(service.address, url);
        });
        noteAnswer(url);
        const { status, code = "", etag } = answer;
        // An answer without a code may come from a proxy.
        if (code) gone.delete(number);
        // An earlier attempt, whose answer was lost, had arrived.
        const isThere = status === 412 || code === "UnauthorizedBlobOverwrite";
        if ((status >= 200 && status < 300) || (number === 0 && isThere)) {
          // A whole file is looked for until it is confirmed.
          if (number) gone.delete(number);
          else gone.add(number);
          run.cuts = 0;
          return { ...signed, etag };
        }
        if (isBusy(status) || BROKEN.test(code)) {
          failIfUnstable(BROKEN.test(code));
          throw transient("busy", storeRefusal(answer), answer.after);
        }
        if (OTHER_BYTES.test(code)) throw unreadable(file, fields.filename, answer);
        // The URL has expired, or the store's clock differs.
        const isRefused = status === 403 || code === "ExpiredToken";
        if (!isRefused || (wasRenewed && age < EXPIRY_GRACE)) throw storeRefusal(answer);
        wasRenewed = true;
        signatures.delete(number);
        throw new Transient("expired", () => undefined);
      });
    },
    (retrying) => tally.retry(number, retrying),
  );
}

/** The store's codes for an incomplete body, and for a wrong checksum. */
const BROKEN = /^(?:IncompleteBody|RequestTimeout)$/;
const OTHER_BYTES = /^(?:BadDigest|XAmzContent\w{1,20}Mismatch)$/;

const storeRefusal = ({ status, code, message, after }: PutAnswer): UploadError =>
  new UploadError(
    "store-refused",
    `The store refused the upload: ${message ?? `it answered ${status}`} (${code ?? "no code"}). Try again, or tell the operator.`,
    { status, storeCode: code, retryAfter: after && Math.ceil(after / 1000) },
  );
