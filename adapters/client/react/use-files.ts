import { useEffect, useState, useSyncExternalStore } from "react";
import {
  type FileListOptions,
  type Files,
  type ListedFiles,
  makeFileList,
} from "../files/files.ts";

/** Lists files for a component. What is loaded is aborted when the component goes. */
export function useFiles(files: Files, options: FileListOptions = {}): ListedFiles {
  const [list] = useState(() => makeFileList(files, options));
  useEffect(() => list.use(files, options));
  return useSyncExternalStore(list.subscribe, list.read, list.read);
}
