import { uploadAll, type UploadAllOptions, type UploadAllTask, type Uploads } from "./batch.ts";
import { failUnlessReadable, nameOf } from "./file.ts";
import { policyOf, typeByName, type UploadPolicy } from "./policies.ts";
import { makeTally } from "./progress.ts";
import { makeRun, type Run } from "./run.ts";
import { makeService, type ServiceOptions } from "./service.ts";
import { makeSlots } from "./slots.ts";
import { taskOf, type UploadOptions, type UploadTask } from "./task.ts";
import { type Job, uploadWhole } from "./upload.ts";

export { UploadError } from "./errors.ts";
export type { Problem, UploadErrorCode, UploadErrorFacts } from "./errors.ts";
export type { UploadAllOptions, UploadAllTask } from "./batch.ts";
export type { UploadPolicy } from "./policies.ts";
export type { UploadProgress } from "./progress.ts";
export type { Retrying } from "./retry.ts";
export type { Provided, ServiceOptions } from "./service.ts";
export type { Task, UploadOptions, UploadTask } from "./task.ts";
export type { UploadResult } from "./upload.ts";

/** Options of `createClient`. */
export interface ClientOptions extends ServiceOptions {}

/** Uploads of one organization. */
export interface Client {
  /** Uploads a file, and confirms it. Rejects with an `UploadError`. */
  readonly upload: (file: Blob, options?: UploadOptions) => UploadTask;
  /** Uploads files that are granted together; one that fails leaves the others alone. */
  readonly uploadAll: (files: Iterable<Blob>, options?: UploadAllOptions) => UploadAllTask;
  /** What the caller may upload. */
  readonly policies: (signal?: AbortSignal) => Promise<ReadonlyArray<UploadPolicy>>;
}

/**
 * How many bodies are on their way at a time, of all files and parts: browsers open 6 connections
 * to a host over HTTP/1.1, and the page needs some itself.
 */
const MOST_AT_ONCE = 4;

/** For how long the policies are remembered, in milliseconds: as long as a browser keeps them. */
const POLICIES_LIFETIME = 300_000;

/** A client for the uploads of an organization. */
export function createClient(options: ClientOptions): Client {
  const service = makeService(options);
  const slots = makeSlots(MOST_AT_ONCE);
  let known: { readonly at: number; readonly policies: ReadonlyArray<UploadPolicy> } | undefined;

  async function policies(run: Run): Promise<ReadonlyArray<UploadPolicy>> {
    if (known !== undefined && Date.now() - known.at < POLICIES_LIFETIME) return known.policies;
    const answer = await service.ask<{ readonly policies: ReadonlyArray<object> }>(run, {
      method: "GET",
      path: "policies",
    });
    known = { at: Date.now(), policies: answer.policies.map(policyOf) };
    return known.policies;
  }

  async function prepare(run: Run, file: Blob, upload: UploadOptions): Promise<Job> {
    const filename = upload.filename ?? nameOf(file) ?? "file";
    await failUnlessReadable(file, filename);
    const { policy: policyName } = upload;
    const policy = (await policies(run)).find(({ name }) => name === (policyName ?? "files"));
    const contentType =
      (upload.contentType ?? file.type) ||
      typeByName(filename, policy) ||
      "application/octet-stream";
    const tally = makeTally(file.size, upload.onProgress);
    return {
      run,
      service,
      slots,
      tally,
      file,
      filename,
      contentType,
      policyName,
      policy,
      checksum: upload.checksum,
    };
  }

  const uploads: Uploads = {
    service,
    prepare,
    finish: uploadWhole,
    isInParts: () => false,
  };

  return {
    upload: (file, upload = {}) => {
      const run = makeRun(upload.signal);
      return taskOf(run, prepare(run, file, upload).then(uploads.finish));
    },
    uploadAll: (files, all = {}) => uploadAll([...files], all, uploads),
    policies: (signal) => policies(makeRun(signal)),
  };
}
