import { check, decodePolicies, type UploadPolicy, type UploadResult } from "./decode.ts";
import { failUnlessReadable, isReadable } from "./file.ts";
import { grantAll } from "./grant-all.ts";
import { uploadInParts } from "./multipart.ts";
import { makeTally, type UploadProgress } from "./progress.ts";
import { type PendingUpload, pendingUploads, type UploadStorage } from "./resume.ts";
import { makeRun, makeTask, type RetryOptions, type Run, type Task } from "./run.ts";
import { makeService, type ServiceOptions, typeByName } from "./service.ts";
import { LEAST_PART, makeSlots, MOST_AT_ONCE } from "./slots.ts";
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
export { dropTarget, pasteTarget } from "./targets.ts";
export type { Problem, UploadPolicy, UploadResult } from "./decode.ts";
export type { UploadErrorCode, UploadErrorFacts } from "./errors.ts";
export type { PendingUpload, UploadStorage } from "./resume.ts";
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
  /** The most bodies on their way at a time; 4 if left out. A slow line has one part at a time. */
  readonly concurrency?: number | undefined;
}

type Metadata = UploadOptions["metadata"];

/** Options of `uploadAll`, for each of the files. */
export interface UploadAllOptions extends Omit<
  UploadOptions,
  "filename" | "contentType" | "metadata" | "onProgress" | "resume"
> {
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
const MOST_PREPARED = 4;

/** A client for the uploads of an organization. */
export function createClient<Data = unknown>(options: ClientOptions): Client<Data> {
  const service = makeService(options);
  const { concurrency = MOST_AT_ONCE } = options;
  const isCount = Number.isInteger(concurrency) && concurrency > 0;
  check(isCount, `concurrency must be a whole number above 0, not "${concurrency}".`);
  const slots = makeSlots(concurrency);
  const runWith = ({ signal, retry }: UploadOptions) =>
    makeRun(signal, { ...options.retry, ...retry });
  // Throws if an option is invalid.
  runWith({});
  let known: { readonly at: number; readonly policies: ReadonlyArray<UploadPolicy> } | undefined;

  async function policies(run: Run): Promise<ReadonlyArray<UploadPolicy>> {
    if (known !== undefined && Date.now() - known.at < POLICIES_LIFETIME) return known.policies;
    const { policies } = await service.ask(run, "policies", decodePolicies);
    known = { at: Date.now(), policies };
    return policies;
  }

  async function prepare(
    run: Run,
    file: Blob,
    upload: UploadOptions,
    kept: UploadState,
  ): Promise<Job> {
    check(file?.size >= 0, `file must be a File or a Blob, not "${file}".`);
    const tally = (kept.tally ??= makeTally(file.size, upload.onProgress));
    run.onRetry = tally.show;
    const filename = upload.filename ?? (file as Partial<File>).name ?? "file";
    await failUnlessReadable(file, filename);
    const { checksum, multipart = LEAST_PART, resume } = upload;
    const pending = resume instanceof Object ? resume : undefined;
    const { policy: name } = pending ?? upload;
    const policy = (await policies(run)).find((each) => each.name === (name ?? "files"));
    const { size, type } = file;
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
      file,
      fields: { filename, content_type, size, policy: name, metadata: upload.metadata },
      request: () => (request ??= requestFor(job)),
      policy,
      isInParts: (pending !== undefined || isLarge) && isReadable(file),
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
    job = prepare(run, file, upload, kept),
  ): UploadTask {
    const finished = job.then((job) => (job.isInParts ? uploadInParts(job) : uploadWhole(job)));
    return Object.assign(makeTask(run, finished), { retry: () => begin(file, upload, kept) });
  }

  function uploadAll(files: ReadonlyArray<Blob>, uploadOptions: UploadAllOptions): UploadAllTask {
    const { onProgress, onFileProgress, metadata, ...each } = uploadOptions;
    const all = runWith(each);
    const preparing = makeSlots(MOST_PREPARED);
    const total = files.reduce((sum, { size }) => sum + size, 0);
    // A file counts in full only once it is confirmed.
    const tally = makeTally(total, onProgress, total);
    all.onRetry = tally.show;
    const members = files.map((file, index) => {
      const fileOptions: UploadOptions = {
        ...each,
        metadata: typeof metadata === "function" ? metadata(file) : metadata,
        onProgress: (progress) => {
          tally.add(index, progress.sent);
          tally.show(progress.retrying);
          onFileProgress?.(file, progress);
        },
      };
      const run = runWith({ ...fileOptions, signal: all.signal });
      const kept = makeKept();
      const prepared = preparing(run.signal, 0, async () => {
        const job = await prepare(run, file, fileOptions, kept);
        if (!job.isInParts) await job.request();
        return job;
      });
      const granted = prepared.then((job) => granting.then(() => job));
      return {
        run,
        prepared,
        task: begin(file, fileOptions, kept, run, granted),
      };
    });
    const preparations = Promise.allSettled(members.map(({ prepared }) => prepared));
    const granting: Promise<void> = preparations.then((outcomes) => {
      const jobs = outcomes.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      return grantAll(all, service, jobs);
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
