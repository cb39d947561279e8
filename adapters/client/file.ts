import { UploadError } from "./errors.ts";

/** Returns false where a file can be sent and not read, as in React Native. */
export const isReadable = (file: Blob): boolean => file.arrayBuffer !== undefined;

export async function failUnlessReadable(file: Blob, filename: string): Promise<void> {
  try {
    // A folder has a size like a file; only reading it tells.
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
  // Browsers give a folder no type, and the size that file systems do: nothing, or whole blocks.
  const isFolder = file.type === "" && file.size % 4096 === 0 && !filename.includes(".");
  const [code, problem] = isFolder
    ? (["directory", "is a folder. Choose the files in it."] as const)
    : ([
        "file-changed",
        "was changed, moved or removed after it was chosen. Choose it again.",
      ] as const);
  return new UploadError(code, `${filename} ${problem}`, { cause });
}

/** A checksum as the API takes it; `value` in base64. */
export type Checksum = Awaited<ReturnType<typeof computeChecksum>>;

/**
 * SHA-256 is computed by the browser, beside the page's own thread but in one piece, which is in
 * memory meanwhile: so only up to this many bytes.
 */
export const MOST_IN_MEMORY = 64 * 2 ** 20;

/** Bytes of CRC-32C that are computed before the page gets its turn: some milliseconds. */
const SLICE = 2 ** 20;

/** Returns the first algorithm that can be computed here for a body of so many bytes. */
export function chooseAlgorithm(
  offered: ReadonlyArray<string>,
  size: number,
): "sha256" | "crc32c" | undefined {
  // It is there only on pages that came over HTTPS or from this machine.
  if (offered.includes("sha256") && size <= MOST_IN_MEMORY && globalThis.crypto?.subtle) {
    return "sha256";
  }
  return offered.includes("crc32c") ? "crc32c" : undefined;
}

export async function computeChecksum(blob: Blob, algorithm: ReturnType<typeof chooseAlgorithm>) {
  const bytes =
    algorithm === "sha256"
      ? new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()))
      : await crc32c(blob);
  return { algorithm, value: btoa(String.fromCharCode(...bytes)) };
}

/** Computes CRC-32C (RFC 9260, appendix A), big-endian, a slice at a time. */
async function crc32c(blob: Blob): Promise<Uint8Array> {
  const entries = table();
  let crc = ~0;
  for (let start = 0; start < blob.size; start += SLICE) {
    const slice = new Uint8Array(await blob.slice(start, start + SLICE).arrayBuffer());
    // Ten times as fast as `for … of`.
    for (let at = 0; at < slice.length; at++) {
      crc = (entries[(crc ^ (slice[at] as number)) & 255] as number) ^ (crc >>> 8);
    }
  }
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setInt32(0, ~crc);
  return new Uint8Array(bytes.buffer);
}

let made: Int32Array | undefined;
const table = () =>
  (made ??= Int32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0x82f63b78 : 0);
    return value;
  }));
