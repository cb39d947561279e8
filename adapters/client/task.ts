import type { UploadProgress } from "./progress.ts";
import type { PendingUpload } from "./resume.ts";
import { type RetryOptions, type Run, throwIfAborted } from "./run.ts";
import type { UploadResult } from "./upload.ts";

/** Options of one upload. */
export interface UploadOptions {
  /** What the file is called; its own name if left out. */
  readonly filename?: string | undefined;
  /** Its media type; if left out its own, or that of its extension in the policy. */
  readonly contentType?: string | undefined;
  /** The policy to upload under; `files` if left out. */
  readonly policy?: string | undefined;
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined;
  /** Aborts the upload. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the store is to verify a checksum: `true` for any size, `false` only where the policy
   * requires it; if left out, where it costs little.
   */
  readonly checksum?: boolean | undefined;
  /**
   * Files of more bytes than this are sent in parts, where the store takes them; `false` for none,
   * 5 MiB if left out.
   */
  readonly multipart?: number | false | undefined;
  /**
   * Whether an upload in parts goes on where one of the same file was left, also after a reload;
   * `false` forgets it. One of `pending()` goes on with that one, under its policy, or fails if the
   * file is another.
   */
  readonly resume?: boolean | PendingUpload | undefined;
  /** For how long what fails is tried again; 5 minutes without anything getting further if left out. */
  readonly retry?: RetryOptions | undefined;
}

/** Work under way: a promise of its result that can be held and ended. */
export interface Task<A> extends Promise<A> {
  /**
   * Holds the upload: parts on their way arrive, and no others are sent. A file with one PUT is sent
   * again once it goes on.
   */
  readonly pause: () => void;
  /** Goes on after `pause()`. */
  readonly resume: () => void;
  /** Ends the upload with the error `aborted`, and removes parts that were sent. */
  readonly abort: (reason?: unknown) => void;
}

/** An upload under way. It rejects with an `UploadError`. */
export interface UploadTask extends Task<UploadResult> {
  /** Uploads the file again once it has failed, from where it was left. */
  readonly retry: () => UploadTask;
}

/** The task of what `work` does in a run. */
export function taskOf<A>(run: Run, work: Promise<A>): Task<A> {
  const { pause, resume, abort, close } = run;
  const ended = work.catch((cause: unknown) => {
    throwIfAborted(run);
    throw cause;
  });
  return Object.assign(ended.finally(close), { pause, resume, abort });
}
