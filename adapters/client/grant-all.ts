import { grantsDecoder, type SignedTarget } from "./decode.ts";
import { problemIn } from "./errors.ts";
import type { Run } from "./run.ts";
import type { Service } from "./service.ts";
import { type Job, keepSigned } from "./upload.ts";

/** The most files of one request, and their bytes in JSON: its body may have 64 KiB. */
const MOST_FILES = 50;
const MOST_BYTES = 60_000;

/** A file that waits for its grant; without a request if it needs none. */
interface PendingGrant {
  readonly job: Job;
  readonly request: object | undefined;
}

/** Has the files granted, as many as possible at a time. */
export async function grantAll(
  run: Run,
  service: Service,
  asking: ReadonlyArray<PendingGrant>,
): Promise<void> {
  const isOpen = ({ job: { run, kept }, request }: PendingGrant) =>
    request && !kept.signatures.has(0) && !run.signal.aborted;
  for (;;) {
    let bytes = 0;
    const fits = ({ request }: PendingGrant) =>
      (bytes += new Blob([JSON.stringify(request)]).size) <= MOST_BYTES;
    const files = asking.filter(isOpen).slice(0, MOST_FILES).filter(fits);
    if (files.length === 0) return;
    try {
      const { uploads } = await service.ask(run, "batch", grantsDecoder(files.length), {
        files: files.map(({ request }) => request),
      });
      for (const [index, { job }] of files.entries()) {
        keepSigned(job.kept.signatures, [0], Promise.resolve([uploads[index] as SignedTarget]));
      }
    } catch (cause) {
      // All are granted or none is: the refused one is left out, and the others are asked for again.
      for (const { job } of refusedBy(cause, files)) {
        keepSigned(job.kept.signatures, [0], Promise.reject(cause));
      }
    }
  }
}

function refusedBy(
  cause: unknown,
  files: ReadonlyArray<PendingGrant>,
): ReadonlyArray<PendingGrant> {
  const pointer = problemIn(cause).errors?.[0]?.pointer ?? "";
  const file = files[Number(/^\/files\/(\d+)\//.exec(pointer)?.[1])];
  return file ? [file] : files;
}
