import { type Grant, grantsDecoder, type UploadResult } from "./decode.ts";
import { problemIn } from "./errors.ts";
import { makeTally, type UploadProgress } from "./progress.ts";
import { makeTask, type Run, type Task } from "./run.ts";
import type { Service } from "./service.ts";
import { makeSlots } from "./slots.ts";
import {
  type Job,
  keepSigned,
  type Kept,
  makeKept,
  requestFor,
  signedFrom,
  type UploadOptions,
  type UploadTask,
} from "./upload.ts";

/** The most files of one request: fewer than allowed, so that long names fit its body. */
const MOST_FILES = 50;

/** The most files that are read or hashed at a time; each may be in memory meanwhile. */
const MOST_PREPARED = 4;

/** Options of `uploadAll`, for each of the files. */
export interface UploadAllOptions extends Omit<
  UploadOptions,
  "filename" | "contentType" | "onProgress" | "resume"
> {
  /** Called with the progress of all files together. */
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined;
  /** Called with the progress of one file. */
  readonly onFileProgress?: ((file: Blob, progress: UploadProgress) => void) | undefined;
}

/** Uploads under way. It resolves, as `Promise.allSettled` does, to the outcome of each file. */
export interface UploadAllTask extends Task<ReadonlyArray<PromiseSettledResult<UploadResult>>> {
  /** The upload of each file, in the order of the files. */
  readonly uploads: ReadonlyArray<UploadTask>;
}

/** The client of these uploads. */
export interface Uploads {
  readonly service: Service;
  readonly runWith: (options: UploadOptions) => Run;
  readonly prepare: (run: Run, file: Blob, options: UploadOptions, kept: Kept) => Promise<Job>;
  readonly begin: (file: Blob, options: UploadOptions, kept: Kept) => UploadTask;
  readonly finish: (job: Job) => Promise<UploadResult>;
}

/** Uploads files with one grant for all that need no parts. */
export function uploadAll(
  files: ReadonlyArray<Blob>,
  options: UploadAllOptions,
  { service, runWith, prepare, begin, finish }: Uploads,
): UploadAllTask {
  const { onProgress, onFileProgress, ...each } = options;
  const all = runWith(each);
  const preparing = makeSlots(MOST_PREPARED);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  // Each file has all its bytes only once it is confirmed.
  const tally = makeTally(total, onProgress, total);

  all.onRetry = tally.show;
  const members = files.map((file, index) => {
    const run = runWith({ ...each, signal: all.signal });
    const show = (progress: UploadProgress) => {
      onFileProgress?.(file, progress);
      tally.add(index, progress.sent);
      tally.show(progress.retrying);
    };
    const own = { ...each, onProgress: show };
    const kept = makeKept();
    const retry = () => begin(file, own, kept);
    const prepared = preparing(run.signal, async () => {
      const job = await prepare(run, file, own, kept);
      // Parts are granted one by one.
      return { job, request: job.isInParts ? undefined : await requestFor(job) };
    });
    return { run, prepared, retry };
  });
  const granting = Promise.allSettled(members.map(({ prepared }) => prepared)).then((outcomes) =>
    grantAll(
      all,
      service,
      outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : [])),
    ),
  );
  const uploads = members.map(({ run, prepared, retry }) => {
    const finished = prepared.then(({ job }) => granting.then(() => finish(job)));
    return Object.assign(makeTask(run, finished), { retry });
  });
  const runs = [all, ...members.map(({ run }) => run)];
  return Object.assign(makeTask(all, Promise.allSettled(uploads)), {
    pause: () => runs.forEach((run) => run.pause()),
    resume: () => runs.forEach((run) => run.resume()),
    uploads,
  });
}

/** A file that waits for its grant; without a request if it needs none. */
interface Asking {
  readonly job: Job;
  readonly request: object | undefined;
}

/** Has the files granted, as many as possible at a time. */
async function grantAll(run: Run, service: Service, asking: ReadonlyArray<Asking>): Promise<void> {
  const isOpen = ({ job: { run, kept }, request }: Asking) =>
    request && !kept.signatures.has(0) && !run.signal.aborted;
  for (;;) {
    const files = asking.filter(isOpen).slice(0, MOST_FILES);
    if (files.length === 0) return;
    try {
      const body = { files: files.map(({ request }) => request) };
      const { uploads } = await service.ask(run, "batch", grantsDecoder(files.length), body);
      for (const [index, { job }] of files.entries()) {
        const signed = Promise.resolve([signedFrom(uploads[index] as Grant)]);
        keepSigned(job.kept.signatures, [0], signed);
      }
    } catch (cause) {
      // All are granted or none is: the refused one is left out, and the others are asked for again.
      for (const { job } of refusedBy(cause, files)) {
        keepSigned(job.kept.signatures, [0], Promise.reject(cause));
      }
    }
  }
}

/** The file that a batch was refused for, or all of them. */
function refusedBy(cause: unknown, files: ReadonlyArray<Asking>): ReadonlyArray<Asking> {
  const { pointer = "" } = problemIn(cause).errors?.[0] ?? {};
  const file = files[Number(/^\/files\/(\d{1,3})\//.exec(pointer)?.[1])];
  return file === undefined ? files : [file];
}
