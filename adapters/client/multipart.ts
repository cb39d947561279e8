import { type Checksum, chooseAlgorithm } from "./file.ts";
import {
  decodeResult,
  decodeStored,
  type UploadMemory,
  type SentPart,
  signedDecoder,
  startDecoder,
  type UploadResult,
} from "./decode.ts";
import { UploadError } from "./errors.ts";
import { discardParts, isOver, makeMemory, type Memory, PARTS_OF_ENTRY } from "./resume.ts";
import { persist } from "./retry.ts";
import { SmallerParts } from "./slots.ts";
import {
  algorithmFor,
  checksumIn,
  failIfTooLarge,
  isSigned,
  type Job,
  keepSigned,
  notArrived,
  sendPart,
} from "./upload.ts";

/**
 * Bytes of parts that are hashed and signed with one request: 12 parts of 5 MiB, and at most 30.
 * Their URLs are used long before they expire.
 */
const SIGNED_AHEAD = 60 * 2 ** 20;

/** Uploads a file in parts, continuing an earlier attempt; of two tabs, one waits for the other. */
export async function uploadInParts(job: Job): Promise<UploadResult> {
  const memory = makeMemory(job);
  const onWait = () => job.tally.show({ attempt: 0, delay: 0, reason: "elsewhere" });
  return memory.alone(job.run, onWait, () => uploadAlone(job, memory));
}

async function uploadAlone(job: Job, memory: Memory): Promise<UploadResult> {
  const remembered = await memory.recall();
  let begun = remembered?.begun;
  const discard = async () =>
    begun && discardParts(job.service, begun).then(memory.forget, () => undefined);
  const begin = async (part_size = job.partSize): Promise<UploadResult> => {
    const { run, service, file, fields } = job;
    const asked = { ...fields, part_size };
    const decode = startDecoder(file.size);
    begun = await persist(run, () => service.ask(run, "multipart", decode, asked));
    return sendAll(job, { begun }, memory).catch(beginSmaller);
  };
  const beginSmaller = async (cause: unknown) => {
    if (!(cause instanceof SmallerParts)) throw cause;
    // Before the bytes are counted again.
    await discard();
    job.tally.restart("network");
    return begin(cause.partSize);
  };
  try {
    try {
      if (memory.isSame(remembered)) {
        return await sendAll(job, remembered, memory).catch(beginSmaller);
      }
      await discard();
    } catch (cause) {
      // The upload was completed or aborted, or is too old: the file is sent again.
      if (!isOver(cause)) throw cause;
      job.tally.restart();
    }
    return await begin();
  } catch (cause) {
    if (job.run.signal.aborted) await discard();
    // Also when a failed upload is aborted.
    job.run.signal.addEventListener("abort", discard);
    throw cause;
  }
}

/** Sends the parts that the store does not have, and completes the upload. */
async function sendAll(
  job: Job,
  { begun, parts }: Pick<UploadMemory, "begun"> & Partial<UploadMemory>,
  memory: Memory,
): Promise<UploadResult> {
  const { run, service, tally, file, policy, concurrency } = job;
  const { upload, partSize } = begun;
  const total = Math.ceil(file.size / partSize);
  /** Parts that the store has with the bytes of the file. */
  const sent = new Map<number, SentPart>();
  job.kept.signatures.clear();
  const verified = algorithmFor(job, policy?.multipart?.checksums, partSize);
  // The memory needs a checksum in any case.
  const algorithm = verified ?? chooseAlgorithm(["sha256", "crc32c"], partSize);
  const slice = (number: number) => file.slice((number - 1) * partSize, number * partSize);
  const hash = (number: number) => checksumIn(job, slice(number), algorithm);
  const show = () => tally.showParts({ done: sent.size, total });
  const missing = (from = 1) =>
    Array.from({ length: total - from + 1 }, (_, index) => from + index).filter(
      (number) => !sent.has(number),
    );
  const list = async () => {
    const path = `multipart/parts?upload=${encodeURIComponent(upload)}`;
    const stored = await service.ask(run, path, decodeStored);
    return new Map(stored.parts.map(({ partNumber, etag }) => [partNumber, etag]));
  };
  /** Parts that the store had before this attempt, perhaps of another file. */
  let earlier: ReadonlyMap<number, string> = new Map();
  /** Drops parts that the store does not have as sent, and adds the ETags that CORS hides. */
  const compare = async () => {
    earlier = await list();
    for (const [number, part] of sent) {
      const etag = earlier.get(number);
      if (etag && bare(part.etag ?? etag) === bare(etag)) sent.set(number, { ...part, etag });
      else sent.delete(number);
    }
  };
  /** Hashes parts and requests their URLs in order, several at a time. */
  const askFor = async (numbers: ReadonlyArray<number>) => {
    const checksums: Array<Checksum> = [];
    for (const number of numbers) checksums.push(await hash(number));
    const { parts } = await service.ask(run, "multipart/parts", signedDecoder(numbers), {
      upload,
      part_numbers: numbers,
      ...(verified && { checksums }),
    });
    return parts.map((part, index) => ({ ...part, checksum: checksums[index]?.value }));
  };
  const sign = (number: number) => {
    const numbers = missing(number)
      .slice(0, Math.ceil(SIGNED_AHEAD / Math.max(partSize, 2 ** 21)))
      .filter((each) => !isSigned(job, each));
    keepSigned(job, numbers, askFor(numbers));
  };
  let listing: ReturnType<typeof list> | undefined;
  /** Bytes that broke off since a part arrived. */
  let lost = 0;
  const onBreak = (bytes: number) => {
    lost += bytes;
    // What the store has is sent again.
    if (!bytes && lost > sent.size * partSize) failIfTooLarge(job, partSize, lost);
  };
  const send = async (partNumber: number) => {
    const body = slice(partNumber);
    const find = async () => {
      // One list for all: what is known of the first to break comes before the others begin again.
      listing ??= list().finally(() => (listing = undefined));
      const etag = (await listing).get(partNumber);
      const isNew = etag && etag !== earlier.get(partNumber);
      return isNew ? { etag, checksum: (await hash(partNumber)).value } : undefined;
    };
    const part = { number: partNumber, body, sign: () => sign(partNumber), find, onBreak };
    const { etag, checksum = "" } = await sendPart(job, part);
    sent.set(partNumber, { partNumber, etag, checksum });
    lost = 0;
    // After the last part too: if the answer to the completion is lost, only that is repeated.
    await memory.keep(begun, sent, partNumber);
    show();
  };
  show();
  // A file can change under its name, size and date.
  await inParallel(concurrency, parts ?? [], async (part) => {
    const { partNumber, checksum } = part;
    if ((await hash(partNumber)).value !== checksum) return;
    sent.set(partNumber, part);
    tally.add(partNumber, slice(partNumber).size);
    show();
  });
  if (parts && sent.size < total) await compare();
  for (let number = 1; number <= (parts ? total : 1); number += PARTS_OF_ENTRY) {
    await memory.keep(begun, sent, number);
  }
  return persist(run, async () => {
    await inParallel(concurrency, missing(), send);
    // A browser sees the ETag only where CORS shares it, and only the store's answer has one.
    if ([...sent.values()].some(({ etag }) => !etag)) await compare();
    if (sent.size < total) throw notArrived(new UploadError("mismatch", LOST));
    try {
      const parts = [...sent].map(([part_number, { etag }]) => ({ part_number, etag }));
      const result = await service.ask(run, "multipart/complete", decodeResult, { upload, parts });
      // Another tab that waits for this one completes the upload again, and gets the same answer.
      if (!(await memory.isAwaited())) await memory.forget();
      tally.finish();
      return result;
    } catch (cause) {
      if ((cause as Partial<UploadError>).status !== 409) throw cause;
      // The store says what it has, unless the service has ended the upload.
      await compare().catch(async () => {
        await memory.forget();
        throw cause;
      });
      throw notArrived(cause as UploadError);
    }
  });
}

const LOST = "The store lacks parts that it was sent. Try again.";

/** The ETag without quotes, which some stores leave out in lists. */
const bare = (etag: string) => etag.replaceAll('"', "");

/** Calls `work` for each item, `count` at a time. Waits for those under way when one fails. */
async function inParallel<A>(
  count: number,
  items: ReadonlyArray<A>,
  work: (item: A) => Promise<void>,
) {
  const left = items.values();
  const failures: Array<unknown> = [];
  const worker = async () => {
    for (const item of left) {
      if (failures.length === 0) await work(item).catch((cause: unknown) => failures.push(cause));
    }
  };
  await Promise.all(Array.from({ length: count }, worker));
  if (failures.length > 0) throw failures[0];
}
