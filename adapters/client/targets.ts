import { unreadEntries } from "./file.ts";

/**
 * Calls `onFiles` with the files that are pasted into an element or the document, such as a
 * screenshot. Pasted text is left alone. Returns a function that removes the listeners.
 */
export function pasteTarget(
  target: EventTarget,
  onFiles: (files: ReadonlyArray<File>) => void,
): () => void {
  return listen(target, {
    paste: (event) => {
      const { clipboardData } = event as ClipboardEvent;
      // Spreadsheets put a picture of the text beside it.
      if (!clipboardData?.files.length || clipboardData.types.includes("text/plain")) return;
      event.preventDefault();
      void filesIn(clipboardData.items).then(onFiles);
    },
  });
}

/**
 * Calls `onFiles` once with the files that are dropped on an element or the document, and those in
 * dropped folders, whose places `pathOf` returns. Calls `onDrag` when files come over it and leave
 * it. Returns a function that removes the listeners.
 */
export function dropTarget(
  target: EventTarget,
  onFiles: (files: ReadonlyArray<File>) => void,
  onDrag?: (isOver: boolean) => void,
): () => void {
  const over = (isOver: boolean) => (event: Event) => {
    const { dataTransfer } = event as DragEvent;
    if (!dataTransfer?.types.includes("Files")) return;
    // Or the browser would leave the page for the dropped file.
    event.preventDefault();
    onDrag?.(isOver);
    if (event.type === "drop") void filesIn(dataTransfer.items).then(onFiles);
  };
  return listen(target, { dragover: over(true), dragleave: over(false), drop: over(false) });
}

/** Places of files from dropped folders; a file that was chosen with its folder has its own. */
const paths = new WeakMap<Blob, string>();

/**
 * Returns the place of a file in the folder that was dropped or chosen, such as
 * `holidays/2026/a.png`; undefined if there was no folder.
 */
export const pathOf = (file: Blob): string | undefined =>
  (paths.get(file) ?? (file as Partial<File>).webkitRelativePath) || undefined;

/** Returns true for hidden files that Windows and macOS write into folders, such as `.DS_Store`. */
export const isSystemFile = (file: Blob): boolean =>
  /\/(?:\.DS_Store|Thumbs\.db|desktop\.ini)$/i.test(pathOf(file) ?? "");

function listen(
  target: EventTarget,
  handlers: Readonly<Record<string, (event: Event) => void>>,
): () => void {
  const end = new AbortController();
  for (const [type, handler] of Object.entries(handlers)) {
    target.addEventListener(type, handler, end);
  }
  return () => end.abort();
}

/** Returns the files of dropped or pasted items, and those in their folders. */
async function filesIn(items: DataTransferItemList): Promise<ReadonlyArray<File>> {
  // All at once: the list is empty once its event is over.
  const given = [...items].map((item) => [item.getAsFile(), item.webkitGetAsEntry?.()] as const);
  const files: Array<File> = [];
  for (const [file, entry] of given) {
    if (entry?.isDirectory) await walk(entry as FileSystemDirectoryEntry, files);
    else if (file) files.push(file);
  }
  return files.filter((file) => !isSystemFile(file));
}

/** The deepest folder that is opened: the service takes 32, Chromium a minute for a thousand. */
const MOST_LEVELS = 100;

/** Adds the files in a folder, in the order in which the browser lists them. */
async function walk(folder: FileSystemDirectoryEntry, files: Array<File>): Promise<void> {
  const reader = folder.createReader();
  const add = (file: File, { fullPath }: FileSystemEntry) => {
    paths.set(file, fullPath.slice(1));
    files.push(file);
  };
  for (;;) {
    // Entries come in batches of 100, the last one empty.
    const entries = await new Promise<Array<FileSystemEntry>>((...done) =>
      reader.readEntries(...done),
    ).catch((cause: unknown) => add(standIn(folder)(cause), folder));
    if (!entries?.length) return;
    const read = entries.map((entry) =>
      entry.isDirectory
        ? undefined
        : new Promise<File>((...done) => (entry as FileSystemFileEntry).file(...done)).catch(
            standIn(entry),
          ),
    );
    for (const [index, entry] of entries.entries()) {
      const file = await read[index];
      if (file) add(file, entry);
      else if (entry.fullPath.split("/").length > MOST_LEVELS) add(standIn(entry)("depth"), entry);
      else await walk(entry as FileSystemDirectoryEntry, files);
    }
  }
}

/** Returns a function that makes an empty file for what cannot be read; its upload says why. */
const standIn =
  ({ name }: FileSystemEntry) =>
  (cause: unknown): File => {
    const file = new File([], name);
    unreadEntries.set(file, cause);
    return file;
  };
