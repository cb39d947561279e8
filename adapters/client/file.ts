import { UploadError } from "./errors.ts";

/** Fails if there is nothing to upload, or if it cannot be read. */
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

/** Why a file cannot be read. */
export function unreadable(file: Blob, filename: string, cause?: unknown): UploadError {
  // Browsers give a folder no type, and the size that file systems do: nothing, or whole blocks.
  const isFolder = file.type === "" && file.size % 4096 === 0 && !filename.includes(".");
  return isFolder
    ? new UploadError("directory", `${filename} is a folder. Choose the files in it.`, { cause })
    : new UploadError(
        "file-changed",
        `${filename} was changed, moved or removed after it was chosen. Choose it again.`,
        { cause },
      );
}
