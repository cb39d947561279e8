import { useEffect, useState } from "react";
import type { UploadError } from "../client.ts";
import type { Files, FileState } from "../files/files.ts";

/** The last state of a file, and the error that ended the wait. */
export type WatchedFile = { readonly state?: FileState; readonly error?: UploadError };

/** Waits for the file with this key, for a component that shows it. */
export function useFileState(files: Files, key: string): WatchedFile {
  const [watched, setWatched] = useState<WatchedFile>({});
  useEffect(() => {
    const gone = new AbortController();
    const { signal } = gone;
    setWatched({});
    const fail = (error: UploadError) =>
      signal.aborted || setWatched((last) => ({ ...last, error }));
    files.whenReady(key, { signal, onState: (state) => setWatched({ state }) }).catch(fail);
    return () => gone.abort();
  }, [files, key]);
  return watched;
}
