import { UploadError } from "./errors.ts";

/** Returns false where a file can be sent and not read, as in React Native. */
export const isReadable = (file: Blob): boolean => file.arrayBuffer !== undefined;

/** Stand-ins for what could not be read in a dropped folder, with the reason. */
export const unreadEntries = new WeakMap<Blob, unknown>();

export async function failUnlessReadable(file: Blob, filename: string): Promise<void> {
  if (unreadEntries.has(file)) {
    const message = `${filename} could not be read. Check that you may open it, then choose it again.`;
    throw new UploadError("file-changed", message, { cause: unreadEntries.get(file) });
  }
  try {
    // A folder has a size like a file; only reading fails.
    await file.slice(0, 1).arrayBuffer?.();
  } catch (cause) {
    throw unreadable(file, filename, cause);
  }
  if (file.size === 0) {
    const message = `${filename} is empty. Choose a file with content.`;
    throw new UploadError("empty-file", message);
  }
}

export function unreadable(file: Blob, filename: string, cause?: unknown): UploadError {
  // Browsers report a folder without a type, and with a size of 0 or of whole blocks.
  const isFolder = file.type === "" && file.size % 4096 === 0 && !filename.includes(".");
  const problem = isFolder
    ? "is a folder. Choose the files in it."
    : "was changed, moved or removed after it was chosen. Choose it again.";
  const code = isFolder ? "directory" : "file-changed";
  return new UploadError(code, `${filename} ${problem}`, { cause });
}

/** A checksum as the API takes it; `value` in base64. */
export type Checksum = Awaited<ReturnType<typeof computeChecksum>>;

/**
 * Largest body that is hashed with SHA-256, in bytes: the browser hashes beside the page's thread,
 * but needs the whole body in memory.
 */
export const MOST_IN_MEMORY = 64 * 2 ** 20;

/** Bytes of CRC-32C that are computed before the page gets its turn: some milliseconds. */
const SLICE = 2 ** 20;

export type Algorithm = "sha256" | "crc32c" | "md5";

/** Returns the best algorithm that can be computed here for a body of so many bytes. */
export function chooseAlgorithm(
  offered: ReadonlyArray<string>,
  size: number,
): Algorithm | undefined {
  // SHA-256 needs a secure context.
  const hasSha256 = size <= MOST_IN_MEMORY && globalThis.crypto?.subtle;
  const known: ReadonlyArray<Algorithm> = ["sha256", "crc32c", "md5"];
  return known.slice(hasSha256 ? 0 : 1).find((each) => offered.includes(each));
}

export async function computeChecksum(blob: Blob, algorithm: Algorithm | undefined) {
  const bytes =
    algorithm === "sha256"
      ? new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()))
      : await (algorithm === "md5" ? md5 : crc32c)(blob);
  return { algorithm, value: btoa(String.fromCharCode(...bytes)) };
}

/** Computes CRC-32C (RFC 9260, appendix A), big-endian, a slice at a time. */
async function crc32c(blob: Blob): Promise<Uint8Array> {
  let crc = ~0;
  for (let start = 0; start < blob.size; start += SLICE) {
    const slice = new Uint8Array(await blob.slice(start, start + SLICE).arrayBuffer());
    // Ten times as fast as `for … of`.
    for (let at = 0; at < slice.length; at++) {
      crc = (TABLE[(crc ^ (slice[at] as number)) & 255] as number) ^ (crc >>> 8);
    }
  }
  return Uint8Array.of(~crc >>> 24, ~crc >>> 16, ~crc >>> 8, ~crc);
}

const TABLE = Int32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0x82f63b78 : 0);
  return value;
});

const TURNS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const SINES = Array.from({ length: 64 }, (_, index) =>
  Math.floor(Math.abs(Math.sin(index + 1)) * 2 ** 32),
);

/** Computes MD5 (RFC 1321), a slice at a time: some stores verify nothing else. */
async function md5(blob: Blob): Promise<Uint8Array> {
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  const padding = new DataView(new ArrayBuffer(72 - ((blob.size + 8) % 64)));
  padding.setUint8(0, 128);
  padding.setBigUint64(padding.byteLength - 8, BigInt(blob.size) * 8n, true);
  const padded = new Blob([blob, padding]);
  for (let start = 0; start < padded.size; start += SLICE) {
    const words = new Int32Array(await padded.slice(start, start + SLICE).arrayBuffer());
    for (let at = 0; at < words.length; at += 16) addBlock(state, words.subarray(at, at + 16));
  }
  return new Uint8Array(state.buffer);
}

const FACTORS = [1, 5, 3, 7];
const FIRSTS = [0, 1, 5, 0];

function addBlock(state: Int32Array, words: Int32Array): void {
  let [a = 0, b = 0, c = 0, d = 0] = state;
  for (let step = 0; step < 64; step++) {
    const round = step >> 4;
    let mixed = c ^ (b | ~d);
    if (round === 0) mixed = (b & c) | (~b & d);
    if (round === 1) mixed = (b & d) | (c & ~d);
    if (round === 2) mixed = b ^ c ^ d;
    const word = words[((FACTORS[round] as number) * step + (FIRSTS[round] as number)) & 15];
    const sum = (a + mixed + (SINES[step] as number) + (word as number)) | 0;
    const turn = TURNS[round * 4 + (step & 3)] as number;
    a = d;
    d = c;
    c = b;
    b = (b + ((sum << turn) | (sum >>> (32 - turn)))) | 0;
  }
  state.set([a, b, c, d].map((value, index) => value + (state[index] as number)));
}
