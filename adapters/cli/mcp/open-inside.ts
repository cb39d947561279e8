import { constants, open, realpath, stat } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { UploadError } from "../../client/client.ts";

/**
 * Opens a regular file below `folder`, a real path, for reading. On Linux, the path of the result
 * stays with the file even if its name changes. Fails with an `UploadError` for a file elsewhere or
 * hidden, by any spelling or link, and for anything but a regular file.
 */
export async function openInside(folder: string, path: string) {
  // Not the resolved path, in which `a.png/` would be a file.
  const requested = isAbsolute(path) ? path : `${folder}${sep}${path}`;
  failUnlessVisible(folder, resolve(requested));
  const real = await realpath(requested);
  failUnlessVisible(folder, real);
  // Without waiting for the other end of a pipe, and without following a link that is put there now.
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  const handle = await open(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const opened = await handle.stat({ bigint: true });
    const openPath = process.platform === "linux" ? `/proc/self/fd/${handle.fd}` : real;
    // A folder above it may have become a link meanwhile.
    const place = await realpath(openPath);
    const { dev, ino } = await stat(place, { bigint: true });
    const isSame = place === real && dev === opened.dev && ino === opened.ino;
    if (isSame && opened.isFile()) return { handle, path: openPath };
    throw new UploadError("forbidden", "It is not a regular file, or was replaced. Name a file.");
  } catch (cause) {
    await handle.close();
    throw cause;
  }
}

function failUnlessVisible(folder: string, path: string): void {
  const inside = relative(folder, path);
  // Also `..`, at its beginning.
  if (!isAbsolute(inside) && !inside.split(sep).some((name) => name.startsWith("."))) return;
  const message = "It is outside of the allowed folder, or hidden. Name another file.";
  throw new UploadError("forbidden", message);
}
