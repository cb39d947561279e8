import { useEffect, useRef, useState } from "react";
import type {
  Client,
  UploadError,
  UploadOptions,
  UploadProgress,
  UploadResult,
  UploadTask,
} from "../client.ts";

export { useFileState, type WatchedFile } from "./use-file-state.ts";

/** A file that was added, with its upload. */
export interface Upload {
  /** Stays the same, as the `key` of a list does. */
  readonly id: number;
  readonly file: Blob;
  readonly status: "uploading" | "paused" | "done" | "failed";
  readonly progress?: UploadProgress;
  /** Present once it is `done`. */
  readonly result?: UploadResult;
  /** Present if it has `failed`. */
  readonly error?: UploadError;
  readonly pause: () => void;
  readonly resume: () => void;
  /** Uploads the file again, from where it was left. */
  readonly retry: () => void;
  /** Takes the file off the list; an upload under way is aborted. */
  readonly remove: () => void;
}

/** The uploads of a component. */
export interface Uploads {
  /** In the order in which they were added. */
  readonly uploads: ReadonlyArray<Upload>;
  /** Uploads files, such as those of an `<input type="file">`. */
  readonly add: (files: Iterable<Blob>) => void;
}

let lastId = 0;

/** Uploads files for a component. Those under way are aborted when the component goes. */
export function useUploads(client: Client, options: UploadOptions = {}): Uploads {
  const [uploads, setUploads] = useState<ReadonlyArray<Upload>>([]);
  const { current: tasks } = useRef(new Map<number, UploadTask>());
  useEffect(() => () => tasks.forEach((task) => task.abort()), [tasks]);

  function start(id: number, file: Blob, failed?: UploadTask) {
    const change = (next: Partial<Upload>) =>
      setUploads((all) => all.map((one) => (one.id === id ? { ...one, ...next } : one)));
    const task =
      failed?.retry() ??
      client.upload(file, { ...options, onProgress: (progress) => change({ progress }) });
    const upload: Upload = {
      id,
      file,
      status: "uploading",
      pause: () => {
        task.pause();
        change({ status: "paused" });
      },
      resume: () => {
        task.resume();
        change({ status: "uploading" });
      },
      retry: () => start(id, file, task),
      remove: () => {
        task.abort();
        setUploads((all) => all.filter((one) => one.id !== id));
      },
    };
    tasks.set(id, task);
    setUploads((all) =>
      all.some((one) => one.id === id)
        ? all.map((one) => (one.id === id ? upload : one))
        : [...all, upload],
    );
    task
      .then(
        (result) => change({ status: "done", result }),
        (error: UploadError) => change({ status: "failed", error }),
      )
      .finally(() => tasks.delete(id));
  }

  return {
    uploads,
    add: (files) => {
      for (const file of files) start((lastId += 1), file);
    },
  };
}
