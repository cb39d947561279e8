import { useEffect, useState, useSyncExternalStore } from "react";
import type { Client } from "../client.ts";
import { makeUploadList, type Uploads, type UploadsOptions } from "../uploads/upload-list.ts";

export { useFiles } from "./use-files.ts";
export { useFileState, type WatchedFile } from "./use-file-state.ts";
export type { FileListOptions, FileWords, ListedFile, ListedFiles } from "../files/files.ts";
export type { Upload, Uploads, UploadsOptions, UploadWords } from "../uploads/upload-list.ts";

/** Uploads files for a component. Those under way are aborted when the component goes. */
export function useUploads<Data = unknown>(
  client: Client<Data>,
  options: UploadsOptions<Data> = {},
): Uploads<Data> {
  const [list] = useState(() => makeUploadList(client, options));
  useEffect(() => list.use(client, options));
  return useSyncExternalStore(list.subscribe, list.read, list.read);
}
