import { object, tuple } from "./decode.ts";
import type { UploadError } from "./errors.ts";
import { makeTally, type UploadProgress } from "./progress.ts";
import type { Run } from "./run.ts";
import { decodeGrant, type Grant, type Service } from "./service.ts";
import { makeSlots } from "./slots.ts";
import { type Task, taskOf, type UploadOptions, type UploadTask } from "./task.ts";
import { type Job, type Kept, makeKept, requestOf, type UploadResult } from "./upload.ts";

/** How many files one request asks for: fewer than it may, so that long names fit its body. */
const MOST_FILES = 50;

/** How many files are looked at or hashed at a time; each may be in memory meanwhile. */
const MOST_PREPARED = 4;

/** Options of `uploadAll`; they hold for each file. */
export interface UploadAllOptions extends Omit<
  UploadOptions,
  "filename" | "contentType" | "onProgress" | "resume"
> {
  /** How far all files are together. */
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined;
  /** How far one of them is. */
  readonly onFileProgress?: ((file: Blob, progress: UploadProgress) => void) | undefined;
}

/** Uploads under way. It resolves, as `Promise.allSettled` does, to what became of each file. */
export interface UploadAllTask extends Task<ReadonlyArray<PromiseSettledResult<UploadResult>>> {
  /** The upload of each file, in the order of the files. */
  readonly uploads: ReadonlyArray<UploadTask>;
}

/** What `uploadAll` needs of a client. */
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
  // Of each file some byte is missing until that is confirmed.
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
      return { job, request: job.isInParts ? undefined : await requestOf(job) };
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
    const finished = prepared.then(async ({ job }) => {
      const refused = (await granting).get(job);
      if (refused !== undefined) throw refused.cause;
      return finish(job);
    });
    return Object.assign(taskOf(run, finished), { retry });
  });
  const runs = [all, ...members.map(({ run }) => run)];
  return Object.assign(taskOf(all, Promise.allSettled(uploads)), {
    pause: () => runs.forEach((run) => run.pause()),
    resume: () => runs.forEach((run) => run.resume()),
    uploads,
  });
}

/** A file that waits for its grant. */
interface Asking {
  readonly job: Job;
  /** Undefined if it needs none. */
  readonly request: object | undefined;
}

/** Has the files granted; gives why some are not. */
async function grantAll(
  run: Run,
  service: Service,
  asking: ReadonlyArray<Asking>,
): Promise<ReadonlyMap<Job, { readonly cause: unknown }>> {
  const refused = new Map<Job, { readonly cause: unknown }>();
  const isOpen = ({ job, request }: Asking) =>
    request && !job.kept.granted && !refused.has(job) && !job.run.signal.aborted;
  for (;;) {
    const files = asking.filter(isOpen).slice(0, MOST_FILES);
    if (files.length === 0) return refused;
    try {
      const { uploads } = await service.ask(
        run,
        "batch",
        object({ uploads: tuple(files.map(() => decodeGrant)) }),
        { files: files.map(({ request }) => request) },
      );
      files.forEach(({ job }, index) => {
        job.kept.granted = { grant: uploads[index] as Grant, at: Date.now() };
      });
    } catch (cause) {
      // All are granted or none is: what is refused is left out, and the others asked for again.
      for (const { job } of refusedOf(files, cause)) refused.set(job, { cause });
    }
  }
}

/** For which of the files a batch was refused. */
function refusedOf(files: ReadonlyArray<Asking>, cause: unknown): ReadonlyArray<Asking> {
  const { pointer = "" } = (cause as Partial<UploadError>).problem?.errors?.[0] ?? {};
  const file = files[Number(/^\/files\/(\d{1,3})\//.exec(pointer)?.[1])];
  return file === undefined ? files : [file];
}
