import { essence, type MediaType } from "./media-type.ts";
import type { UploadDifference } from "./upload-difference.ts";

/** In bytes; the marks of types are within them. */
export const SAMPLE_SIZE = 4100;

/** The type of a file by its first bytes. */
export interface DetectedType {
  /** Undefined if no known type's mark was found, as in text. */
  readonly type: string | undefined;
  /** All types that have a mark. */
  readonly known: ReadonlySet<string>;
}

/** Returns a difference if a file begins like one of another type than granted. */
export function contentDifference(
  granted: MediaType,
  sample: Uint8Array,
  detected: DetectedType,
): UploadDifference | undefined {
  const expected = essence(granted);
  const actual = findOther(expected, sample, detected);
  return actual === undefined ? undefined : { property: "content", expected, actual };
}

function findOther(expected: string, sample: Uint8Array, { type, known }: DetectedType) {
  if (expected === "application/octet-stream") return undefined;
  const text = String.fromCharCode(...sample.subarray(0, SAMPLE_SIZE)).replaceAll("\0", "");
  const html = text.search(HTML);
  // A TIFF's directory is often behind the pixels, where the detector does not look.
  const tiff = /^(?:II|MM)\*/.test(text) ? "image/tiff" : undefined;
  const detected = type?.toLowerCase() ?? tiff;
  if (TEXT.test(expected)) {
    // A text may begin with the letters of a mark, such as BM or MZ.
    if (detected !== undefined && !TEXT.test(detected) && !sample.every(isText)) return detected;
    if (expected !== "image/svg+xml" || SVG.test(text)) return undefined;
    return html < 0 ? UNKNOWN : "text/html";
  }
  if (detected !== undefined) {
    if (!isSame(expected, detected, known)) return detected;
    // The detector skips prefixes that belong to texts and sounds.
    const isBehindMark = text.startsWith(BOM) && !TEXT.test(detected);
    return isBehindMark || (text.startsWith("ID3") && !detected.startsWith("audio/"))
      ? UNKNOWN
      : undefined;
  }
  if (MEDIA.test(expected) && html >= 0 && sample.every(isText)) return "text/html";
  const hasMark = known.has(expected) || FAMILIES.has(expected);
  return hasMark && !WITHOUT_MARK.has(expected) ? UNKNOWN : undefined;
}

function isSame(expected: string, detected: string, known: ReadonlySet<string>): boolean {
  if (expected === detected || FAMILIES.get(expected)?.includes(detected) === true) return true;
  // The first bytes of a format built on another may show only the other.
  if (ZIPPED.test(expected) && detected === ZIP) return true;
  if (FAMILIES.get(ZIP)?.includes(expected) === true) return ZIPPED.test(detected);
  return !MEDIA.test(expected) && !known.has(expected) && CONTAINERS.has(detected);
}

const UNKNOWN = "unknown";
const ZIP = "application/zip";
const MEDIA = /^(?:image|audio|video|font)\//;
const TEXT =
  /^text\/|[/+.-](?:json|xml|yaml|javascript|ecmascript|typescript|sql|toml|csv|sh|rtf|regedit)$/;
const BOM = "\xef\xbb\xbf";
/** Matches the prolog (XML 1.0, section 2.8). Each of these matches in one way. */
const PROLOG = "<!--(?:[^-]|-(?!->))*-->|<\\?(?:[^?]|\\?(?!>))*\\?>";
const QUOTED = `"[^"]*"|'[^']*'`;
const SUBSET = `\\[(?:[^\\]"'<]|${QUOTED}|${PROLOG}|<(?!!--|\\?))*\\]\\s*`;
const DOCTYPE = `<!doctype\\s(?!\\s*html\\b)(?:[^[>"']|${QUOTED})*(?:${SUBSET})?>`;
const SVG = new RegExp(
  `^(?:${BOM}|\\xff\\xfe|\\xfe\\xff)?(?:\\s|${PROLOG}|${DOCTYPE})*<(?:[\\w-]+:)?svg[\\s/>]`,
  "i",
);
const HTML = /<(?:!doctype\s{1,9}html|html|head|body|script|iframe)\b/i;
const ZIPPED =
  /\+zip$|openxmlformats|opendocument|macroenabled|java-archive|android\.package|xpinstall|vnd\.apple\.|visio|\/3mf$/;
const CONTAINERS = new Set([ZIP, "application/x-cfb", "application/gzip", "application/xml"]);

/** Types whose mark may be missing or late; Windows reports the last for CSV. */
const WITHOUT_MARK = new Set([
  "application/x-iso9660-image",
  "application/x-apple-diskimage",
  "application/dicom",
  "model/stl",
  "application/vnd.ms-excel",
]);

const isText = (byte: number) => byte >= 32 || (byte >= 9 && byte <= 13) || byte === 27;

/** Names of one type, and types of one container whose first bytes do not differ. */
const FAMILIES = new Map(
  [
    "image/jpeg image/jpg image/pjpeg",
    "image/png image/x-png image/apng image/vnd.mozilla.apng",
    "image/bmp image/x-bmp image/x-ms-bmp",
    "image/x-icon image/vnd.microsoft.icon",
    "image/vnd.adobe.photoshop image/x-photoshop image/psd application/x-photoshop",
    "image/tiff image/x-adobe-dng image/x-canon-cr2 image/x-nikon-nef image/x-sony-arw image/dng",
    "image/avif image/heif image/heic image/heif-sequence image/heic-sequence image/avif-sequence",
    "video/mp4 audio/mp4 application/mp4 video/quicktime video/x-m4v audio/x-m4a audio/m4a video/3gpp audio/3gpp video/3gpp2 audio/3gpp2",
    "video/matroska video/x-matroska audio/matroska audio/x-matroska video/webm audio/webm",
    "audio/ogg audio/ogg; codecs=opus video/ogg application/ogg audio/opus audio/x-vorbis+ogg",
    "audio/wav audio/x-wav audio/wave audio/vnd.wave",
    "audio/mpeg audio/mp3 audio/x-mp3 audio/x-mpeg",
    "audio/aac audio/x-aac audio/aacp",
    "audio/flac audio/x-flac",
    "audio/aiff audio/x-aiff",
    "audio/midi audio/x-midi audio/mid",
    "video/vnd.avi video/x-msvideo video/avi video/msvideo",
    "video/mpeg video/mp1s video/mp2p",
    "application/vnd.ms-asf video/x-ms-asf audio/x-ms-asf video/x-ms-wmv audio/x-ms-wma",
    "application/zip application/x-zip-compressed application/x-zip",
    "application/gzip application/x-gzip application/x-tgz",
    "application/x-bzip2 application/x-bzip",
    "application/x-rar-compressed application/vnd.rar application/x-rar",
    "application/x-cfb application/msword application/vnd.ms-excel application/vnd.ms-powerpoint application/vnd.ms-outlook",
    "application/x-msdownload application/vnd.microsoft.portable-executable application/x-dosexec",
    "application/x-sqlite3 application/vnd.sqlite3",
    "application/postscript application/eps image/x-eps",
    "application/pdf application/x-pdf",
    "font/woff application/font-woff application/x-font-woff",
    "font/ttf font/otf font/sfnt font/collection application/x-font-ttf application/x-font-otf",
  ].flatMap((line) => {
    const names = line.split(/ (?!codecs)/);
    return names.map((name) => [name, names] as const);
  }),
);
