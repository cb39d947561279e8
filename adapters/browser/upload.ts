import { type Checksum, checksumOf, chooseAlgorithm, MOST_IN_MEMORY } from "./checksum.ts";
import { UploadError } from "./errors.ts";
import { failUnlessReadable, unreadable } from "./file.ts";
import type { UploadPolicy } from "./policies.ts";
import type { Tally } from "./progress.ts";
import { unanswered } from "./reach.ts";
import { isBusy, persist, retryAfter, Transient } from "./retry.ts";
import type { Run } from "./run.ts";
import { put, type PutAnswer } from "./send.ts";
import type { Confirmed, Grant, Service } from "./service.ts";
import type { Slots } from "./slots.ts";

/** An upload with all that it needs. */
export interface Job {
  readonly run: Run;
  readonly service: Service;
  readonly slots: Slots;
  readonly tally: Tally;
  readonly file: Blob;
  readonly filename: string;
  readonly contentType: string;
  /** What the request says as `policy`. */
  readonly policyName: string | undefined;
  /** What that policy says; undefined if it is not among those of the caller. */
  readonly policy: UploadPolicy | undefined;
  readonly checksum: boolean | undefined;
}

/** An upload that is in the store, and confirmed. */
export interface UploadResult {
  /** The name of the object in its bucket: what to keep. */
  readonly key: string;
  /** Shows the file to everyone who has the URL, for as long as the policy says. */
  readonly getUrl: string;
  /** Opens the file for members of the organization, for good. */
  readonly fileUrl: string;
  /** What the service needs to make a link to the file; files in parts may have none. */
  readonly receipt: string | undefined;
  readonly size: number;
  readonly contentType: string;
  readonly etag: string;
}

/** An upload with one PUT, which may have been granted before. */
export async function uploadWhole(job: Job, given?: Grant): Promise<UploadResult> {
  const { run, service, tally } = job;
  const body = given ? undefined : await requestOf(job);
  let grant = given;
  let grantedAt = Date.now();
  let wasRenewed = false;
  const onRetry = (retrying: Parameters<Tally["retry"]>[1]) => tally.retry(0, retrying);
  const receipt = await persist(
    run,
    (signal, progressed) =>
      job.slots(signal, async () => {
        if (grant === undefined || Date.now() - grantedAt > lifetimeOf(job)) {
          const request = body ?? (await requestOf(job));
          grant = await service.ask<Grant>(run, {
            method: "POST",
            path: "presign",
            body: request,
            onRetry,
          });
          grantedAt = Date.now();
        }
        const { put_url: url, put_headers: headers, receipt } = grant;
        const age = Date.now() - grantedAt;
        const answer = await send(job, {
          url,
          headers,
          body: job.file,
          part: 0,
          signal,
          progressed,
        });
        // 412: an attempt whose answer was lost had arrived.
        if (isStored(answer) || answer.status === 412) return receipt;
        if (answer.status !== 403 || (wasRenewed && age < FRESH)) throw storeRefusal(answer);
        wasRenewed = true;
        grant = undefined;
        throw expired();
      }),
    onRetry,
  );
  const confirmed = await service.ask<Confirmed>(run, {
    method: "POST",
    path: "confirm",
    body: { receipt },
  });
  return resultOf(confirmed, receipt);
}

/** A URL that is refused within this time did not expire: in milliseconds. */
export const FRESH = 60_000;

/** How long a URL is used, in milliseconds by a clock that need not be right. */
export const lifetimeOf = ({ policy }: Job): number => (policy?.putLifetime ?? 900) * 1000;

/** The store says 403 to a URL that has expired, and to one whose time it sees differently. */
export const expired = () => new Transient({ reason: "expired", verdict: async () => undefined });

/** The body of a presign request for the file. */
export async function requestOf(job: Job): Promise<object> {
  const checksum = await wholeChecksum(job);
  return { ...factsOf(job), strict: true, ...(checksum && { checksum }) };
}

/** What every request for an upload of the file says. */
export const factsOf = ({ file, filename, contentType, policyName }: Job) => ({
  filename,
  content_type: contentType,
  size: file.size,
  ...(policyName !== undefined && { policy: policyName }),
});

/** Whether checksums are sent: asked for, required, or at no cost that anybody would notice. */
export const wantsChecksum = ({ checksum, policy }: Job, size: number): boolean =>
  policy?.requireChecksum === true || (checksum ?? size <= MOST_IN_MEMORY);

async function wholeChecksum(job: Job): Promise<Checksum | undefined> {
  const { file, filename, policy } = job;
  const algorithm = chooseAlgorithm(policy?.checksums ?? [], file.size);
  if (algorithm === undefined || !wantsChecksum(job, file.size)) return undefined;
  return checksumOf(file, algorithm).catch((cause: unknown) => {
    throw unreadable(file, filename, cause);
  });
}

/** One body to the store. */
export interface Sending {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Blob;
  /** The number of the part; 0 for a whole file. */
  readonly part: number;
  readonly signal: AbortSignal;
  readonly progressed: () => void;
}

/** PUTs to the store. Fails with what another attempt may mend, or if the file has changed. */
export async function send(job: Job, sending: Sending): Promise<PutAnswer> {
  const { part, progressed, ...request } = sending;
  let hasSent = false;
  const onSent = (bytes: number) => {
    hasSent ||= bytes > 0;
    if (job.tally.sent(part, bytes)) progressed();
  };
  let answer: PutAnswer;
  try {
    answer = await put({ ...request, onSent });
  } catch (cause) {
    if (request.signal.aborted) throw cause;
    await failUnlessReadable(job.file, job.filename);
    throw unanswered({ service: job.service.address, store: request.url, hasSent });
  }
  const { status, code } = answer;
  if (status === 400 && DIGESTS.has(code)) throw unreadable(job.file, job.filename, answer);
  if (!isBusy(status) && !(status === 400 && BROKEN.has(code))) return answer;
  const after = retryAfter(answer.retryAfter);
  throw new Transient({
    reason: "busy",
    after,
    verdict: async (_, isLast) => (isLast ? storeRefusal(answer) : undefined),
  });
}

/** The store's words for bytes that are not those of the checksum. */
const DIGESTS = new Set<string | undefined>([
  "BadDigest",
  "XAmzContentChecksumMismatch",
  "XAmzContentSHA256Mismatch",
]);

/** The store's words for a body that did not arrive. */
const BROKEN = new Set<string | undefined>(["IncompleteBody", "RequestTimeout"]);

export const isStored = ({ status }: PutAnswer): boolean => status >= 200 && status < 300;

/** Why the store does not take the file. */
export function storeRefusal({ status, code, message }: PutAnswer): UploadError {
  const said = message ?? `it answered ${status} and did not say why`;
  return new UploadError(
    "store-refused",
    `The store refused the upload: ${said}${code === undefined ? "" : ` (${code})`}. Try it again; if that does not help, the operator finds the causes in the page on operations.`,
    { status, storeCode: code },
  );
}

export const resultOf = (confirmed: Confirmed, receipt = confirmed.receipt): UploadResult => ({
  key: confirmed.key,
  getUrl: confirmed.get_url,
  fileUrl: confirmed.file_url,
  receipt,
  size: confirmed.size,
  contentType: confirmed.content_type,
  etag: confirmed.etag,
});
