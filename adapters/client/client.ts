import { confirmAlone, confirmTogether } from "./confirm.ts";
import { check, decodePolicies, type UploadPolicy, type UploadResult } from "./decode.ts";
import { failUnlessReadable, isReadable } from "./file.ts";
import type { UploadError } from "./errors.ts";
import { grantAll, MOST_FILES } from "./grant-all.ts";
import { uploadInParts } from "./multipart.ts";
import { MOST_PREPARED, prepareFile } from "./prepare.ts";
import { makeTally, type UploadProgress } from "./progress.ts";
import { type PendingUpload, pendingUploads, type UploadStorage } from "./resume.ts";
import { makeRun, makeTask, type RetryOptions, type Run, type Task, unlessAborted } from "./run.ts";
import { makeService, type ServiceOptions, typeByName } from "./service.ts";
import { LEAST_PART, makeSlots, MOST_AT_ONCE, SmallerParts } from "./slots.ts";
import { pathOf } from "./targets.ts";
import {
  type Job,
  type UploadState,
  makeKept,
  requestFor,
  type UploadOptions,
  type UploadTask,
  uploadWhole,
} from "./upload.ts";

export { typeInWords, UploadError } from "./errors.ts";
export { sizeInWords } from "./size-in-words.ts";
export { dropTarget, isSystemFile, pasteTarget, pathOf } from "./targets.ts";
export type { Problem, UploadPolicy, UploadResult } from "./decode.ts";
export type { UploadErrorCode, UploadErrorFacts } from "./errors.ts";
export type { PendingUpload, UploadStorage } from "./resume.ts";
export type { Prepare } from "./prepare.ts";
export type { UploadProgress } from "./progress.ts";
export type { RetryState, RetryOptions, Task } from "./run.ts";
export type { ValueOrProvider, ServiceOptions } from "./service.ts";
export type { UploadOptions, UploadTask } from "./upload.ts";

/** Options of `createClient`. */
export interface ClientOptions extends ServiceOptions {
  /** Where uploads in parts are remembered; the browser's IndexedDB if left out. */
  readonly storage?: UploadStorage | undefined;
  /** For how long failures are tried again; options of one upload override it. */
  readonly retry?: RetryOptions | undefined;
  /** The most bodies on their way at a time; 6 if left out. A slow line has one part at a time. */
  readonly concurrency?: number | undefined;
}

type Metadata = UploadOptions["metadata"];

/** Options of `uploadAll`, for each of the files. */
export interface UploadAllOptions extends Omit<
  UploadOptions,
  "filename" | "path" | "contentType" | "metadata" | "onProgress" | "resume"
> {
  /** Returns the place of each file in a folder, as `path` of one upload. */
  readonly path?: ((file: Blob) => string | undefined) | undefined;
  /** Metadata: the same for all files, or a function that returns that of each. */
  readonly metadata?: Metadata | ((file: Blob) => Metadata);
  /** Called with the progress of all files together. */
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined;
  /** Called with the progress of one file. */
  readonly onFileProgress?: ((file: Blob, progress: UploadProgress) => void) | undefined;
}

/** Uploads under way. It resolves, as `Promise.allSettled` does, to the outcome of each file. */
export interface UploadAllTask<Data = unknown> extends Task<
  ReadonlyArray<PromiseSettledResult<UploadResult<Data>>>
> {
  /** The upload of each file, in the order of the files. */
  readonly uploads: ReadonlyArray<UploadTask<Data>>;
}

/** Uploads of one organization; `Data` is the type of their `serverData`. */
export interface Client<Data = unknown> {
  /** Uploads a file, and confirms it. Rejects with an `UploadError`. */
  readonly upload: (file: Blob, options?: UploadOptions) => UploadTask<Data>;
  /** Uploads files that are granted together; one that fails leaves the others alone. */
  readonly uploadAll: (files: Iterable<Blob>, options?: UploadAllOptions) => UploadAllTask<Data>;
  /** Lists uploads in parts that were begun and not ended, such as before a reload. */
  readonly pending: () => Promise<ReadonlyArray<PendingUpload>>;
  /** Lists what the caller may upload. */
  readonly policies: (signal?: AbortSignal) => Promise<ReadonlyArray<UploadPolicy>>;
}

/** The time for which policies are kept, in milliseconds. */
const POLICIES_LIFETIME = 300_000;

/** The most files that are read or hashed at a time; each may be in memory meanwhile. */
const MOST_READ = 4;

/** The files of a request that wait to be sent while the next ones are read. */
const MOST_WAITING = MOST_FILES / 2;

/** A client for the uploads of an organization. */
export function createClient<Data = unknown>(options: ClientOptions): Client<Data> {
  const service = makeService(options);
  const { concurrency = MOST_AT_ONCE } = options;
  const isCount = Number.isInteger(concurrency) && concurrency > 0;
  check(isCount, `concurrency must be a whole number above 0, not "${concurrency}".`);
  const slots = makeSlots(concurrency);
  const preparing = makeSlots(MOST_PREPARED);
  const runWith = ({ signal, retry }: UploadOptions) =>
    makeRun(signal, { ...options.retry, ...retry });
  // Throws if an option is invalid.
  runWith({});
  let known: { readonly at: number; readonly policies: ReadonlyArray<UploadPolicy> } | undefined;

  async function policies(run: Run): Promise<ReadonlyArray<UploadPolicy>> {
    if (known && Date.now() - known.at < POLICIES_LIFETIME) return known.policies;
    const { policies } = await service.ask(run, "policies", decodePolicies);
    known = { at: Date.now(), policies };
    return policies;
  }

  /** Prepares the file, and nothing twice that a retry finds in `kept`. */
  async function makeJob(
    run: Run,
    file: Blob,
    upload: UploadOptions,
    kept: UploadState,
    confirm = confirmAlone(service),
  ): Promise<Job> {
    check(file?.size >= 0, `file must be a File or a Blob, not "${file}".`);
    const tally = (kept.tally ??= makeTally(file.size, upload.onProgress));
    run.onRetry = tally.show;
    const { checksum, multipart = LEAST_PART, resume, prepare } = upload;
    const { name = "file", lastModified = 0 } = file as Partial<File>;
    const chosen = upload.filename ?? name;
    await failUnlessReadable(file, chosen);
    if (prepare) {
      kept.prepared ??= preparing(run.signal, 0, () =>
        prepareFile(run, tally, prepare, file, chosen),
      );
      kept.prepared.catch(() => (kept.prepared = undefined));
    }
    const sent = (await kept.prepared) ?? file;
    const filename = upload.filename ?? (sent as Partial<File>).name ?? name;
    if (sent !== file) await failUnlessReadable(sent, filename);
    const pending = resume instanceof Object ? resume : undefined;
    const own = { policy: upload.policy, path: (upload.path ?? pathOf(file)) || undefined };
    const { policy: policyName, path } = pending ?? own;
    const policy = (await policies(run)).find((each) => each.name === (policyName ?? "files"));
    const { size, type } = sent;
    const named = upload.contentType ?? type;
    const content_type = named || typeByName(filename, policy) || "application/octet-stream";
    const isLarge = multipart !== false && size > multipart && policy?.multipart !== undefined;
    let request: Promise<object> | undefined;
    const job: Job = {
      run,
      service,
      slots,
      concurrency,
      tally,
      file: sent,
      facts: { filename: chosen, size: file.size, lastModified, policy: policyName, path },
      fields: {
        filename,
        // A prepared file may have another name.
        path: sent === file ? path : path && path.slice(0, path.lastIndexOf("/") + 1) + filename,
        content_type,
        size,
        policy: policyName,
        metadata: upload.metadata,
      },
      request: () => (request ??= requestFor(job)),
      confirm,
      policy,
      isInParts: (pending !== undefined || isLarge) && isReadable(sent),
      smallestPart:
        multipart !== false && policy?.multipart && isReadable(sent)
          ? (policy.multipart.minPartSize ?? LEAST_PART)
          : Infinity,
      checksum,
      resume,
      storage: options.storage,
      kept,
    };
    return job;
  }

  function begin(
    file: Blob,
    upload: UploadOptions,
    kept = makeKept(),
    run = runWith(upload),
    job = makeJob(run, file, upload, kept),
  ): UploadTask {
    const finished = job.then((job) =>
      job.isInParts
        ? uploadInParts(job)
        : uploadWhole(job).catch((cause: unknown) => {
            if (!(cause instanceof SmallerParts)) throw cause;
            job.tally.restart("network");
            return uploadInParts({ ...job, partSize: cause.partSize });
          }),
    );
    const forget = () => (kept.prepared = undefined);
    finished.then(forget, ({ code }: Partial<UploadError>) => code === "file-changed" && forget());
    return Object.assign(makeTask(run, finished), { retry: () => begin(file, upload, kept) });
  }

  function uploadAll(files: ReadonlyArray<Blob>, uploadOptions: UploadAllOptions): UploadAllTask {
    const { onProgress, onFileProgress, metadata, path, ...each } = uploadOptions;
    const all = runWith(each);
    const reading = makeSlots(MOST_READ);
    let total = files.reduce((sum, { size }) => sum + size, 0);
    // A file counts in full only once it is confirmed.
    const tally = makeTally(total, onProgress, total);
    all.onRetry = tally.show;
    const confirm = confirmTogether(service, all);
    let reads: Array<Promise<Job>>;
    let moving: Array<Promise<unknown>> = [];
    let mayBegin: Promise<void>;
    let granted: Promise<void>;
    /** Begins once most files of the last group are on their way. */
    const openGroup = () => {
      const group: typeof reads = (reads = []);
      mayBegin = allBut(MOST_WAITING, moving);
      moving = [];
      granted = mayBegin.then(async () => {
        // One that takes long to prepare must not hold the others: each asks for itself.
        if (each.prepare) return undefined;
        const jobs = await Promise.all(group.map((read) => read.catch(() => [])));
        return grantAll(all, service, jobs.flat());
      });
    };
    const members = files.map((file, index) => {
      if (index % MOST_FILES === 0) openGroup();
      let { size } = file;
      let beSent: () => void;
      const isSent = new Promise<void>((resolve) => (beSent = resolve));
      const fileOptions: UploadOptions = {
        ...each,
        metadata: typeof metadata === "function" ? metadata(file) : metadata,
        path: path?.(file),
        onProgress: (progress) => {
          if (progress.sent > 0) beSent();
          tally.resize((total += progress.total - size));
          size = progress.total;
          tally.add(index, progress.sent);
          tally.show(progress.retrying);
          onFileProgress?.(file, progress);
        },
      };
      const run = runWith({ ...fileOptions, signal: all.signal });
      const kept = makeKept();
      const readJob = async () => {
        const job = await makeJob(run, file, fileOptions, kept, confirm);
        if (!job.isInParts) await job.request();
        return job;
      };
      const read = mayBegin.then(() => reading(run.signal, 0, readJob));
      const job = Promise.all([read, granted]).then(([job]) => job);
      const task = begin(file, fileOptions, kept, run, unlessAborted(run.signal, job));
      reads.push(read);
      moving.push(Promise.race([isSent, task.catch(() => undefined)]));
      return { run, task };
    });
    const uploads = members.map(({ task }) => task);
    const runs = [all, ...members.map(({ run }) => run)];
    return Object.assign(makeTask(all, Promise.allSettled(uploads)), {
      pause: () => runs.forEach((run) => run.pause()),
      resume: () => runs.forEach((run) => run.resume()),
      uploads,
    });
  }

  const client: Client = {
    upload: (file, upload = {}) => begin(file, upload),
    uploadAll: (files, all = {}) => uploadAll([...files], all),
    pending: () => pendingUploads(service, options.storage),
    policies: (signal) => {
      const run = runWith({ signal });
      return makeTask(run, policies(run));
    },
  };
  return client as Client<Data>;
}

/** Resolves once all but `count` of the promises are settled. */
const allBut = (count: number, promises: ReadonlyArray<Promise<unknown>>): Promise<void> =>
  new Promise((resolve) => {
    let left = promises.length - count;
    const settle = () => left-- <= 0 && resolve();
    settle();
    for (const promise of promises) promise.then(settle, settle);
  });
