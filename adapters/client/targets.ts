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
      onFiles([...clipboardData.files]);
    },
  });
}

/**
 * Calls `onFiles` with the files that are dropped on an element or the document, and those in
 * dropped folders. Calls `onDrag` when files come over it and leave it. Returns a function that
 * removes the listeners.
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
    if (event.type !== "drop") return;
    // All at once: the list is empty once this event is over.
    void Promise.all([...dataTransfer.items].map(filesIn)).then((files) => onFiles(files.flat()));
  };
  return listen(target, { dragover: over(true), dragleave: over(false), drop: over(false) });
}

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

/** The file of a dropped item, or the files of a folder and those in it. */
function filesIn(item: DataTransferItem): Promise<ReadonlyArray<File>> {
  const file = item.getAsFile();
  const entry = item.webkitGetAsEntry?.();
  // An unreadable file fails in its upload.
  const itself = () => (file ? [file] : []);
  return entry ? walk(entry).catch(itself) : Promise.resolve(itself());
}

async function walk(entry: FileSystemEntry): Promise<ReadonlyArray<File>> {
  if (!entry.isDirectory) {
    return [await new Promise((...done) => (entry as FileSystemFileEntry).file(...done))];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const files: Array<File> = [];
  for (;;) {
    // Entries come in batches, the last one empty.
    const entries: Array<FileSystemEntry> = await new Promise((...done) =>
      reader.readEntries(...done),
    );
    if (entries.length === 0) return files;
    for (const inner of entries) files.push(...(await walk(inner)));
  }
}
