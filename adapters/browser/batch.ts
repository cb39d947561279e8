import { UploadError } from "./errors.ts";
import type { UploadProgress } from "./progress.ts";
import { makeRun, type Run } from "./run.ts";
import type { Grant, Service } from "./service.ts";
import { makeSlots } from "./slots.ts";
import { type Task, taskOf, type UploadOptions, type UploadTask } from "./task.ts";
import { type Job, requestOf, type UploadResult } from "./upload.ts";

/** The most files that one request can ask for. */
const MOST_FILES = 100;

/** How many files are looked at or hashed at a time; each may be in memory meanwhile. */
const MOST_PREPARED = 4;

/** Options of `uploadAll`; they hold for each file. */
export interface UploadAllOptions extends Omit<
  UploadOptions,
  "filename" | "contentType" | "onProgress"
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
  readonly prepare: (run: Run, file: Blob, options: UploadOptions) => Promise<Job>;
  /** Uploads a file, for which there may be a grant. */
  readonly finish: (job: Job, grant?: Grant) => Promise<UploadResult>;
  /** Whether the file is to be sent in parts, which are granted one by one. */
  readonly isInParts: (job: Job) => boolean;
}

/** Uploads files with one grant for all that need no parts. */
export function uploadAll(
  files: ReadonlyArray<Blob>,
  options: UploadAllOptions,
  uploads: Uploads,
): UploadAllTask {
  const { onProgress, onFileProgress, signal, ...each } = options;
  const all = makeRun(signal);
  const preparing = makeSlots(MOST_PREPARED);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const sent = files.map(() => 0);
  const granting: Array<Promise<Asking | undefined>> = [];

  const members = files.map((file, index) => {
    const run = makeRun(all.signal);
    const show = (progress: UploadProgress) => {
      sent[index] = progress.sent;
      const sum = sent.reduce((one, other) => one + other, 0);
      onFileProgress?.(file, progress);
      onProgress?.({ sent: sum, total, percent: (sum / total) * 100, retrying: progress.retrying });
    };
    const prepared = preparing(run.signal, async () => {
      const job = await uploads.prepare(run, file, { ...each, onProgress: show });
      return uploads.isInParts(job) ? { job } : { job, request: await requestOf(job) };
    });
    let grant: Promise<Grant | undefined> | undefined;
    granting.push(
      prepared.then(
        ({ request }) => {
          if (request === undefined) return undefined;
          return new Promise<Asking>((asked) => {
            grant = new Promise((granted, refused) => asked({ request, run, granted, refused }));
          });
        },
        () => undefined,
      ),
    );
    const work = async () => {
      const { job } = await prepared;
      return uploads.finish(job, await grant);
    };
    return { run, task: taskOf(run, work()) };
  });

  // Now, so that none is an unhandled rejection.
  const settled = Promise.allSettled(members.map(({ task }) => task));

  async function grantAll() {
    const asking = (await Promise.all(granting)).filter((one) => one !== undefined);
    for (let start = 0; start < asking.length; start += MOST_FILES) {
      await ask(all, asking.slice(start, start + MOST_FILES), uploads.service);
    }
    return settled;
  }

  const forAll = (act: (run: Run) => void) => () => {
    for (const { run } of [{ run: all }, ...members]) act(run);
  };
  return Object.assign(taskOf(all, grantAll()), {
    pause: forAll((run) => run.pause()),
    resume: forAll((run) => run.resume()),
    uploads: members.map(({ task }) => task),
  });
}

/** A file that waits for its grant. */
interface Asking {
  readonly request: object;
  readonly run: Run;
  readonly granted: (grant: Grant) => void;
  readonly refused: (cause: unknown) => void;
}

/**
 * Asks for the grants of these files. All are granted or none is, so what is refused is left out,
 * and the others are asked for again.
 */
async function ask(run: Run, asking: ReadonlyArray<Asking>, service: Service): Promise<void> {
  const files = asking.filter((one) => {
    if (one.run.signal.aborted) one.refused(one.run.signal.reason);
    return !one.run.signal.aborted;
  });
  if (files.length === 0) return;
  try {
    const { uploads } = await service.ask<{ readonly uploads: ReadonlyArray<Grant> }>(run, {
      method: "POST",
      path: "batch",
      body: { files: files.map(({ request }) => request) },
    });
    for (const [index, grant] of uploads.entries()) files[index]?.granted(grant);
  } catch (cause) {
    const index = indexOfRefused(cause);
    if (index !== undefined && files[index]) {
      files[index].refused(cause);
      return ask(run, files.toSpliced(index, 1), service);
    }
    if (isTooLong(cause) && files.length > 1) {
      const half = files.length / 2;
      await ask(run, files.slice(0, half), service);
      return ask(run, files.slice(half), service);
    }
    for (const { refused } of files) refused(cause);
  }
}

/** Which of the files a batch was refused for. */
function indexOfRefused(cause: unknown): number | undefined {
  const pointer = cause instanceof UploadError && cause.problem?.errors?.[0]?.pointer;
  const [, index] = (pointer && /^\/files\/(\d{1,3})\//.exec(pointer)) || [];
  return index === undefined ? undefined : Number(index);
}

/** A hundred long names do not fit a request. */
const isTooLong = (cause: unknown) =>
  cause instanceof UploadError && cause.problem?.code === "BODY_TOO_LARGE";
