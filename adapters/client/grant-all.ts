import { grantsDecoder, type SignedTarget } from "./decode.ts";
import { problemIn, type UploadError } from "./errors.ts";
import { Transient } from "./retry.ts";
import type { Run } from "./run.ts";
import type { Service } from "./service.ts";
import { type Job, keepSigned } from "./upload.ts";

/** The most files of one request, and their bytes in JSON: its body may have 64 KiB. */
export const MOST_FILES = 50;
const MOST_BYTES = 60_000;

/** Requests grants for the files that are sent whole, as many as possible per request. */
export async function grantAll(
  run: Run,
  service: Service,
  jobs: ReadonlyArray<Job>,
): Promise<void> {
  for (;;) {
    const open = jobs.filter(isOpen).slice(0, MOST_FILES);
    const requests = await Promise.all(open.map(({ request }) => request()));
    let bytes = 0;
    const files = requests.filter(
      (request) => (bytes += new Blob([JSON.stringify(request)]).size) <= MOST_BYTES,
    );
    if (files.length === 0) return;
    const batch = open.slice(0, files.length);
    try {
      const { uploads } = await service.ask(run, "batch", grantsDecoder(files.length), { files });
      batch.forEach((job, index) => keep(job, Promise.resolve(uploads[index] as SignedTarget)));
    } catch (cause) {
      // There is no room for all of them: each is asked for alone when its turn comes.
      if (cause instanceof Transient || (cause as UploadError).code === "quota") return;
      // A batch is granted whole or not at all: the next one leaves out the refused file.
      const place = problemIn(cause).errors?.[0]?.pointer.split("/")[2];
      const refused = batch[Number(place)];
      for (const job of refused ? [refused] : batch) keep(job, Promise.reject(cause));
    }
  }
}

const isOpen = ({ run, kept, isInParts }: Job) =>
  !isInParts && !kept.signatures.has(0) && !run.signal.aborted;

const keep = (job: Job, grant: Promise<SignedTarget>) => keepSigned(job, [0], grant.then(Array.of));
