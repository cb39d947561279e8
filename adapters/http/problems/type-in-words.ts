/** Returns a media type as people call it: `PNG`, `a Windows program`. */
export const typeInWords = (type: string): string =>
  WORDS.get(type) ?? type.replace(/^.*[/.](?:x-)?|[+;].*/g, "").toUpperCase();

/** By the types that are detected where another was granted. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["application/x-msdownload", "a Windows program"],
  ["application/x-elf", "a Linux program"],
  ["application/x-mach-binary", "a macOS program"],
  ["application/java-archive", "a Java program"],
  ["application/vnd.android.package-archive", "an Android app"],
  ["application/x-ms-shortcut", "a Windows shortcut"],
  ["application/x-cfb", "an old Office document or a Windows installer"],
  ["application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a Word document"],
  ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "an Excel document"],
  [
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "a PowerPoint document",
  ],
  ["application/zip", "a ZIP archive"],
  ["text/html", "a web page"],
  ["text/plain", "text"],
]);
