import { check } from "./decode.ts";
import { UploadError } from "./errors.ts";
import type { Tally } from "./progress.ts";
import { type Run, unlessAborted } from "./run.ts";

/**
 * Makes what is uploaded in place of a chosen file, such as a smaller picture; `file` itself leaves
 * it as it is. It may throw an `UploadError` with a sentence of its own.
 */
export type Prepare = (
  file: File,
  context: {
    /** Aborted once the upload is to end. */
    readonly signal: AbortSignal;
    /** Shows how much is done, 0 to 100, as `preparing` of the upload's progress. */
    readonly onProgress: (percent: number) => void;
  },
) => Blob | Promise<Blob>;

/** The most files that are prepared at a time: a picture of 50 megapixels takes 200 MB meanwhile. */
export const MOST_PREPARED = 2;

/** Calls `prepare`; an error of its becomes an `UploadError`. */
export async function prepareFile(
  run: Run,
  tally: Tally,
  prepare: Prepare,
  file: Blob,
  filename: string,
): Promise<Blob> {
  const named = "name" in file ? (file as File) : new File([file], filename, { type: file.type });
  const { signal } = run;
  let isOver = false;
  const onProgress = (percent: number) => isOver || signal.aborted || tally.preparing(percent);
  onProgress(0);
  const work = (async () => {
    const prepared = await prepare(named, { signal, onProgress });
    check(prepared?.size >= 0, `prepare must return a File or a Blob, not "${prepared}".`);
    return prepared;
  })();
  const prepared = await unlessAborted(signal, work)
    .catch((cause: unknown) => {
      if (cause instanceof UploadError) throw cause;
      const message = `${filename} could not be prepared: ${cause}`;
      throw new UploadError("prepare-failed", message, { cause });
    })
    .finally(() => (isOver = true));
  tally.resize(prepared.size);
  tally.show();
  return prepared === named ? file : prepared;
}
