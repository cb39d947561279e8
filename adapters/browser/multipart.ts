import type { Checksum } from "./checksum.ts";
import { etag, headers, list, number, object, text, tuple, url, valid } from "./decode.ts";
import { UploadError } from "./errors.ts";
import {
  type Memory,
  memoryOf,
  type PendingUpload,
  type Remembered,
  rememberedUploads,
  type Started,
  startDecoder,
  type UploadStorage,
} from "./resume.ts";
import { persist } from "./retry.ts";
import { makeRun } from "./run.ts";
import { CONFIRMED, type Service } from "./service.ts";
import { MOST_AT_ONCE } from "./slots.ts";
import {
  algorithmFor,
  checksumIn,
  type Job,
  lifetimeOf,
  notArrived,
  problemOf,
  type Sending,
  sendSigned,
  type Signed,
  type UploadResult,
} from "./upload.ts";

/**
 * How many bytes of parts are asked for, and hashed, with one request; with parts of 5 MiB that is
 * one request for 12 parts. Their URLs are used long before they expire.
 */
const SIGNED_AHEAD = 60 * 2 ** 20;

/** How long an aborted upload waits for its parts to be removed, in milliseconds. */
const CLEAN_UP = 10_000;

/** Uploads a file in parts, from where it was left. */
export async function uploadInParts(job: Job): Promise<UploadResult> {
  const memory = memoryOf(job);
  const remembered = await memory.recall();
  let begun = remembered?.begun;
  try {
    try {
      if (remembered !== undefined) return await sendAll(job, remembered, memory);
    } catch (cause) {
      // It was completed, aborted or is too old: the file is sent again.
      if (!isOver(cause)) throw cause;
      job.tally.restart();
    }
    begun = await job.service.ask(job.run, "multipart", startDecoder(job.file.size), job.asked);
    await memory.keep(begun);
    return await sendAll(job, { begun, etags: [] }, memory);
  } catch (cause) {
    if (begun !== undefined && job.run.signal.aborted) {
      await discard(job.service, begun).then(memory.forget, () => undefined);
    }
    throw cause;
  }
}

/** Sends what the store does not have yet, and has the parts put together. */
async function sendAll(
  job: Job,
  { begun, etags: known }: Omit<Remembered, "file">,
  memory: Memory,
): Promise<UploadResult> {
  const { run, service, tally } = job;
  const { upload } = begun;
  const total = Math.ceil(job.file.size / begun.partSize);
  const numbers = Array.from({ length: total }, (_, index) => index + 1);
  const etags = new Map(known?.map((etag, index) => [index + 1, etag]));
  const recall = async () => {
    const path = `multipart/parts?upload=${encodeURIComponent(upload)}`;
    const { parts } = await service.ask(run, path, decodeStored);
    etags.clear();
    for (const { partNumber, size, etag } of parts) {
      if (size && size === sliceOf(job, begun, partNumber).size) etags.set(partNumber, etag);
    }
  };
  const show = () => {
    tally.inParts({ done: etags.size, total });
    tally.show();
  };
  if (known === undefined) await recall();
  for (const number of etags.keys()) tally.add(number, sliceOf(job, begun, number).size);
  show();
  return persist(run, async () => {
    const missing = numbers.filter((number) => !etags.has(number));
    const signer = makeSigner(job, begun, missing);
    await inParallel(missing, async (number) => {
      const body = sliceOf(job, begun, number);
      etags.set(number, await sendSigned(job, { part: number, body, ...signer(number) }));
      show();
    });
    // A browser sees the ETag only where CORS shares it, and only the store's answer has one.
    if ([...etags.values()].includes("")) await recall();
    const sent = numbers.flatMap((number) => etags.get(number) ?? []);
    if (sent.length < total) throw notArrived(new UploadError("mismatch", LOST));
    // Should the answer be lost, the upload is over, and can only be completed again.
    await memory.keep(begun, sent);
    try {
      const parts = sent.map((etag, index) => ({ part_number: index + 1, etag }));
      const result = await service.ask(run, "multipart/complete", decodeResult, { upload, parts });
      await memory.forget();
      return result;
    } catch (cause) {
      if ((cause as Partial<UploadError>).code !== "mismatch") throw cause;
      // The store says what it has, unless the service has ended the upload.
      await memory.keep(begun);
      await recall().catch(() => {
        throw cause;
      });
      throw notArrived(cause as UploadError);
    }
  });
}

const LOST = "The store has not got all parts that it was sent. Try again.";

/** Calls `work` for each, a few at a time. What is under way when one fails is waited for. */
async function inParallel(numbers: ReadonlyArray<number>, work: (number: number) => Promise<void>) {
  const left = numbers.values();
  const failures: Array<unknown> = [];
  const worker = async () => {
    for (const number of left) {
      if (failures.length === 0) await work(number).catch((cause: unknown) => failures.push(cause));
    }
  };
  await Promise.all(Array.from({ length: MOST_AT_ONCE }, worker));
  if (failures.length > 0) throw failures[0];
}

/** Signs parts in the order in which they are sent, several at a time. */
function makeSigner(
  job: Job,
  begun: Started,
  order: ReadonlyArray<number>,
): (number: number) => Pick<Sending, "sign" | "drop"> {
  const signed = new Map<number, { readonly at: number; readonly part: Promise<Signed> }>();

  async function signAll(numbers: ReadonlyArray<number>): Promise<ReadonlyArray<Signed>> {
    const algorithm = algorithmFor(job, job.policy?.multipart?.checksums, begun.partSize);
    const checksums: Array<Checksum> = [];
    for (const number of algorithm ? numbers : []) {
      checksums.push(await checksumIn(job, sliceOf(job, begun, number), algorithm));
    }
    const at = Date.now();
    const { parts } = await job.service.ask(
      job.run,
      "multipart/parts",
      object({ parts: tuple(numbers.map(signedPart)) }),
      { upload: begun.upload, part_numbers: numbers, ...(algorithm && { checksums }) },
    );
    return parts.map((part) => ({ ...part, at }));
  }

  const isUsable = (number: number) => Date.now() - (signed.get(number)?.at ?? 0) < lifetimeOf(job);

  return (number) => ({
    drop: () => signed.delete(number),
    sign: async () => {
      if (!isUsable(number)) {
        const first = order.indexOf(number);
        const ahead = Math.max(1, Math.floor(SIGNED_AHEAD / begun.partSize));
        const numbers = order.slice(first, first + ahead).filter((each) => !isUsable(each));
        const asked = signAll(numbers);
        for (const [index, each] of numbers.entries()) {
          const part = asked.then((parts) => parts[index] as Signed);
          signed.set(each, { at: Date.now(), part });
          // What has failed is asked for anew.
          part.catch(() => signed.delete(each));
        }
      }
      return signed.get(number)?.part as Promise<Signed>;
    },
  });
}

const signedPart = (number: number) =>
  object({ partNumber: valid((value) => value === number), url, headers });

const decodeStored = object({ parts: list(object({ partNumber: number, size: number, etag })) });

const decodeResult = object({ ...CONFIRMED, receipt: text });

const sliceOf = ({ file }: Job, { partSize }: Started, number: number): Blob =>
  file.slice((number - 1) * partSize, number * partSize);

/** Whether an upload cannot go on: by the service's word, or the store's. */
const isOver = (cause: unknown): boolean =>
  problemOf(cause).code === "INVALID_UPLOAD" ||
  (cause as Partial<UploadError>).storeCode === "NoSuchUpload";

/** Uploads that were begun here, and not ended. */
export async function pendingUploads(
  service: Service,
  storage: UploadStorage | undefined,
): Promise<ReadonlyArray<PendingUpload>> {
  const found = await rememberedUploads(service.files, storage);
  return found.map(({ remembered: { file, begun }, forget }) => ({
    ...file,
    key: begun.key,
    expiresAt: begun.expiresAt,
    discard: async () => {
      await discard(service, begun);
      await forget();
    },
  }));
}

/** Removes the parts of an upload. */
async function discard(service: Service, { upload }: Started): Promise<void> {
  const run = makeRun();
  const timer = setTimeout(run.abort, CLEAN_UP);
  try {
    await service.ask(run, "multipart", () => undefined, { upload }, "DELETE");
  } catch (cause) {
    if (!isOver(cause)) throw cause;
  } finally {
    clearTimeout(timer);
  }
}
