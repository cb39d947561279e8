/** A file on a device, as a picker gives it. */
export interface DeviceFile {
  readonly uri: string;
  readonly name: string;
  /** Its media type, such as `image/jpeg`. */
  readonly type: string;
  /** In bytes. */
  readonly size: number;
  /** In milliseconds, so that an upload that was left goes on with the same file only. */
  readonly lastModified?: number;
}

/** Reads the bytes of a file from `start` to before `end`. */
export type ReadRange = (uri: string, start: number, end: number) => Promise<Uint8Array>;

/**
 * Makes what `client.upload()` takes of a file that the device has by its URI. It reads a part at a
 * time: React Native's own `fetch(uri)` reads the whole file.
 */
export function fileFromUri(file: DeviceFile, readRange: ReadRange): File {
  const { uri, name, type, size, lastModified = 0 } = file;
  const range = (from: number, to: number): object => ({
    name,
    type,
    lastModified,
    size: to - from,
    // As of a Blob, but that nothing counts from the end.
    slice: (start = 0, end = to - from) => {
      const first = Math.min(from + start, to);
      return range(first, Math.max(first, Math.min(from + end, to)));
    },
    arrayBuffer: async () => {
      const bytes = await readRange(uri, from, to);
      if (bytes.length !== to - from) throw new Error(`${name} has changed since it was chosen.`);
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    },
  });
  return range(0, size) as File;
}
