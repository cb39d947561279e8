import { type Checksum, chooseAlgorithm } from "./checksum.ts";
import { etag, headers, list, number, object, text, tuple, url, valid } from "./decode.ts";
import { UploadError } from "./errors.ts";
import {
  discardParts,
  isOver,
  type Memory,
  memoryOf,
  type Remembered,
  type SentPart,
  type Started,
  startDecoder,
} from "./resume.ts";
import { persist } from "./retry.ts";
import { CONFIRMED } from "./service.ts";
import { MOST_AT_ONCE } from "./slots.ts";
import {
  algorithmFor,
  checksumIn,
  type Job,
  lifetimeOf,
  notArrived,
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

/** Uploads a file in parts, from where it was left; of two tabs one waits for the other. */
export async function uploadInParts(job: Job): Promise<UploadResult> {
  const memory = memoryOf(job);
  const onWait = () => job.tally.show({ attempt: 0, delay: 0, reason: "elsewhere" });
  return memory.alone(job.run, onWait, () => uploadAlone(job, memory));
}

async function uploadAlone(job: Job, memory: Memory): Promise<UploadResult> {
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
    return await sendAll(job, { begun }, memory);
  } catch (cause) {
    if (begun !== undefined && job.run.signal.aborted) {
      await discardParts(job.service, begun).then(memory.forget, () => undefined);
    }
    throw cause;
  }
}

/** Sends what the store does not have yet, and has the parts put together. */
async function sendAll(
  job: Job,
  { begun, parts }: Pick<Remembered, "begun"> & Partial<Remembered>,
  memory: Memory,
): Promise<UploadResult> {
  const { run, service, tally } = job;
  const { upload } = begun;
  const total = Math.ceil(job.file.size / begun.partSize);
  const numbers = Array.from({ length: total }, (_, index) => index + 1);
  /** The parts that are in the store as they are in the file. */
  const sent = new Map<number, SentPart>();
  const keep = () => memory.keep(begun, [...sent.values()]);
  const show = () => {
    tally.inParts({ done: sent.size, total });
    tally.show();
  };
  /** Drops the parts that the store does not have so, and takes the ETags that CORS hides. */
  const compare = async () => {
    const path = `multipart/parts?upload=${encodeURIComponent(upload)}`;
    const stored = await service.ask(run, path, decodeStored);
    const etags = new Map(stored.parts.map(({ partNumber, etag }) => [partNumber, etag]));
    for (const [number, part] of sent) {
      const etag = etags.get(number);
      if (etag && bare(part.etag ?? etag) === bare(etag)) sent.set(number, { ...part, etag });
      else sent.delete(number);
    }
  };
  const isMissing = (number: number) => number <= total && !sent.has(number);
  const { hash, signing, checksums } = makeSigner(job, begun, isMissing);
  show();
  // A file can change under its name, size and date.
  await inParallel(parts ?? [], async (part) => {
    const { partNumber, checksum } = part;
    if ((await hash(partNumber)).value !== checksum) return;
    sent.set(partNumber, part);
    tally.add(partNumber, sliceOf(job, begun, partNumber).size);
    show();
  });
  if (parts && sent.size < total) await compare();
  await keep();
  return persist(run, async () => {
    await inParallel(numbers.filter(isMissing), async (partNumber) => {
      const body = sliceOf(job, begun, partNumber);
      const etag = await sendSigned(job, { part: partNumber, body, ...signing(partNumber) });
      const checksum = checksums.get(partNumber) ?? "";
      sent.set(partNumber, { partNumber, etag: etag || undefined, checksum });
      // Once all are: should the answer be lost, the upload is over, and can only be completed again.
      await keep();
      show();
    });
    // A browser sees the ETag only where CORS shares it, and only the store's answer has one.
    if ([...sent.values()].some(({ etag }) => !etag)) await compare();
    if (sent.size < total) throw notArrived(new UploadError("mismatch", LOST));
    try {
      const parts = [...sent].map(([part_number, { etag }]) => ({ part_number, etag }));
      const result = await service.ask(run, "multipart/complete", decodeResult, { upload, parts });
      // Another tab that waits for this one completes the upload again, and has the same answer.
      if (!(await memory.isAwaited())) await memory.forget();
      tally.finish();
      return result;
    } catch (cause) {
      if ((cause as Partial<UploadError>).code !== "mismatch") throw cause;
      // The store says what it has, unless the service has ended the upload.
      await compare().catch(async () => {
        await memory.forget();
        throw cause;
      });
      await keep();
      throw notArrived(cause as UploadError);
    }
  });
}

const LOST = "The store has not got all parts that it was sent. Try again.";

/** The ETag without quotes, which some stores leave out in lists. */
const bare = (etag: string) => etag.replaceAll('"', "");

/** Calls `work` for each, a few at a time. What is under way when one fails is waited for. */
async function inParallel<A>(items: ReadonlyArray<A>, work: (item: A) => Promise<void>) {
  const left = items.values();
  const failures: Array<unknown> = [];
  const worker = async () => {
    for (const item of left) {
      if (failures.length === 0) await work(item).catch((cause: unknown) => failures.push(cause));
    }
  };
  await Promise.all(Array.from({ length: MOST_AT_ONCE }, worker));
  if (failures.length > 0) throw failures[0];
}

/** Signs parts in their order, several at a time, for which it computes their checksums. */
function makeSigner(job: Job, begun: Started, isNeeded: (number: number) => boolean) {
  const signed = new Map<number, { readonly at: number; readonly part: Promise<Signed> }>();
  const verified = algorithmFor(job, job.policy?.multipart?.checksums, begun.partSize);
  // A memory needs one in any case.
  const algorithm = verified ?? chooseAlgorithm(["sha256", "crc32c"], begun.partSize);
  const checksums = new Map<number, string>();

  async function hash(number: number): Promise<Checksum> {
    const checksum = await checksumIn(job, sliceOf(job, begun, number), algorithm);
    checksums.set(number, checksum.value);
    return checksum;
  }

  async function signAll(numbers: ReadonlyArray<number>): Promise<ReadonlyArray<Signed>> {
    const checksums: Array<Checksum> = [];
    for (const number of numbers) checksums.push(await hash(number));
    const at = Date.now();
    const { parts } = await job.service.ask(
      job.run,
      "multipart/parts",
      object({ parts: tuple(numbers.map(signedPart)) }),
      { upload: begun.upload, part_numbers: numbers, ...(verified && { checksums }) },
    );
    return parts.map((part) => ({ ...part, at }));
  }

  const isUsable = (number: number) => Date.now() - (signed.get(number)?.at ?? 0) < lifetimeOf(job);

  const signing = (number: number): Pick<Sending, "sign" | "drop"> => ({
    drop: () => signed.delete(number),
    sign: async () => {
      if (!isUsable(number)) {
        const ahead = Math.max(1, Math.floor(SIGNED_AHEAD / begun.partSize));
        const numbers = Array.from({ length: ahead }, (_, index) => number + index).filter(
          (each) => isNeeded(each) && !isUsable(each),
        );
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

  return { hash, signing, /** Of each part the last one. */ checksums };
}

const signedPart = (number: number) =>
  object({ partNumber: valid((value) => value === number), url, headers });

const decodeStored = object({ parts: list(object({ partNumber: number, etag })) });

const decodeResult = object({ ...CONFIRMED, receipt: text });

const sliceOf = ({ file }: Job, { partSize }: Started, number: number): Blob =>
  file.slice((number - 1) * partSize, number * partSize);
