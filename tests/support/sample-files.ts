import { crc32, deflateRawSync, deflateSync, gzipSync } from "node:zlib";

// Files of many formats, each as small as its format allows, written by hand.

const latin1 = (text: string) => Buffer.from(text, "latin1");
const u16 = (value: number) => Buffer.from([value & 255, value >> 8]);
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const be32 = (value: number) => u32(value).toReversed();
const join = (...pieces: ReadonlyArray<string | Uint8Array>) =>
  Buffer.concat(pieces.map((piece) => (typeof piece === "string" ? latin1(piece) : piece)));
const zeros = (length: number) => Buffer.alloc(length);
/** The same each time, and compresses badly. */
export const noise = (length: number, seed = 1) => {
  let state = seed;
  return Buffer.from(Array.from({ length }, () => (state = (state * 48_271) % 0x7fffffff) & 255));
};

const chunk = (type: string, data: Uint8Array) =>
  join(be32(data.length), type, data, be32(crc32(join(type, data))));
export const png = (...before: ReadonlyArray<Buffer>) =>
  join(
    "\x89PNG\r\n\x1a\n",
    chunk("IHDR", join(be32(1), be32(1), "\x08\x00\x00\x00\x00")),
    ...before,
    chunk("IDAT", deflateSync(Buffer.from([0, 128]))),
    chunk("IEND", zeros(0)),
  );
const iccProfile = chunk("iCCP", join("profile\0\0", deflateSync(noise(9000))));
const animation = chunk("acTL", join(be32(1), be32(0)));

export const gif = Buffer.from("R0lGODlhAQABAAAAACw=", "base64");
const jpeg = (segment: Buffer) =>
  join("\xff\xd8", segment, "\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x00\xff\xd9");
const jfif = "\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00";
const exif = join("\xff\xe1\x20\x02Exif\0\0", noise(0x2000 - 6));
const riff = (form: string, ...chunks: ReadonlyArray<Buffer>) => {
  const body = join(form, ...chunks);
  return join("RIFF", u32(body.length), body);
};
const riffChunk = (id: string, data: Buffer) => join(id, u32(data.length), data);
const box = (type: string, ...content: ReadonlyArray<string | Uint8Array>) => {
  const body = join(...content);
  return join(be32(body.length + 8), type, body);
};
const ftyp = (brand: string, ...others: ReadonlyArray<string>) =>
  join(box("ftyp", brand, zeros(4), brand, ...others), box("mdat", noise(64)));
const bmp = join(
  "BM",
  u32(58),
  zeros(4),
  u32(54),
  u32(40),
  u32(1),
  u32(1),
  u16(1),
  u16(24),
  zeros(28),
);
/** Its directory is behind the pixels, as many programs write it. */
const tiff = join(
  "II*\0",
  u32(9000),
  noise(8992),
  u16(1),
  u16(0x100),
  u16(3),
  u32(1),
  u32(1),
  zeros(4),
);
const ico = join("\0\0\x01\0\x01\0\x01\x01\0\0\x01\0\x20\0", u32(48), u32(22), zeros(48));

/** `isStreamed` leaves the sizes for behind the data. */
export function zip(
  files: Readonly<Record<string, string | Uint8Array>>,
  { isStored = false, isStreamed = false } = {},
) {
  const locals: Array<Buffer> = [];
  const central: Array<Buffer> = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const data = join(content);
    const packed = isStored ? data : deflateRawSync(data);
    const sizes = join(u32(crc32(data)), u32(packed.length), u32(data.length));
    const start = join(u16(20), u16(isStreamed ? 8 : 0), u16(isStored ? 0 : 8), u32(0));
    const names = join(u16(name.length), u16(0));
    const local = join(
      "PK\x03\x04",
      start,
      isStreamed ? zeros(12) : sizes,
      names,
      name,
      packed,
      ...(isStreamed ? ["PK\x07\x08", sizes] : []),
    );
    central.push(join("PK\x01\x02", u16(20), start, sizes, names, zeros(10), u32(offset), name));
    locals.push(local);
    offset += local.length;
  }
  const directory = join(...central);
  const count = u16(central.length);
  const end = join(
    "PK\x05\x06",
    zeros(4),
    count,
    count,
    u32(directory.length),
    u32(offset),
    zeros(2),
  );
  return join(...locals, directory, end);
}

const OFFICE = "application/vnd.openxmlformats-officedocument";
const word = `${OFFICE}.wordprocessingml.document`;
const types = (main: string) =>
  `<?xml version="1.0"?><Types><Override ContentType="${main}.main+xml"/></Types>`;
const opened = (mimetype: string) => zip({ mimetype, "content.xml": "<a/>" }, { isStored: true });

const id3 = (size: number) =>
  join(
    "ID3\x03\0\0",
    Buffer.from([21, 14, 7, 0].map((shift) => (size >> shift) & 127)),
    noise(size),
  );
const mp3Frame = join("\xff\xfb\x90\x00", zeros(413));
const oggPage = (data: string) =>
  join("OggS\0\x02", zeros(20), "\x01", Buffer.from([data.length]), data);
const ebml = (docType: string) =>
  join(
    "\x1a\x45\xdf\xa3",
    Buffer.from([0x80 | (docType.length + 3)]),
    "\x42\x82",
    Buffer.from([0x80 | docType.length]),
    docType,
    noise(50),
  );
const cfb = join(
  "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
  zeros(16),
  u16(0x3e),
  u16(3),
  "\xfe\xff",
  zeros(482),
  noise(5000),
);
const pdf = join("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n");
const svg = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>';
const sfnt = (version: string) => join(version, "\0\x01\0\x10\0\0\0\0", "OS/2", noise(60));
export const program = join("MZ\x90\0\x03", zeros(59), "PE\0\0", noise(200));
const elf = join("\x7fELF\x02\x01\x01", zeros(9), u16(2), u16(62), noise(200));
export const page = join("<!DOCTYPE html><html><body><script>alert(1)</script></body></html>");

/** A name, the type that a client declares, and the bytes. */
export const REAL: ReadonlyArray<readonly [name: string, type: string, bytes: Buffer]> = [
  ["PNG", "image/png", png()],
  ["PNG with a large profile", "image/png", png(iccProfile)],
  ["animated PNG", "image/png", png(animation)],
  ["animated PNG by its own name", "image/apng", png(animation)],
  ["GIF", "image/gif", gif],
  ["JPEG", "image/jpeg", jpeg(latin1(jfif))],
  ["JPEG of a camera", "image/jpg", jpeg(exif)],
  ["WebP", "image/webp", riff("WEBP", riffChunk("VP8L", noise(20)))],
  ["AVIF that names HEIF first", "image/avif", ftyp("mif1", "avif")],
  ["HEIC", "image/heic", ftyp("heic", "mif1")],
  ["BMP of Windows", "image/x-ms-bmp", bmp],
  ["TIFF", "image/tiff", tiff],
  ["icon", "image/vnd.microsoft.icon", ico],
  ["PSD", "image/vnd.adobe.photoshop", join("8BPS\0\x01", zeros(6), noise(30))],
  ["SVG", "image/svg+xml", join(svg)],
  [
    "SVG with a prologue",
    "image/svg+xml",
    join('<?xml version="1.0"?>\n<!-- made by hand -->\n', svg),
  ],
  [
    "SVG with declarations",
    "image/svg+xml",
    join(
      "\xef\xbb\xbf<?xml version='1.0'?>\n<!-- <html> -->\n<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' \"[\" [\n",
      '<!-- ]> --> <!ENTITY a "]><b>"> <?a ]> ?> ]>\n',
      svg,
    ),
  ],
  ["SVG in UTF-16", "image/svg+xml", Buffer.from(`\ufeff${svg}`, "utf16le")],
  ["text of Windows", "text/plain", join("\xef\xbb\xbfone")],
  ["XML of Windows", "application/xml", join("\xef\xbb\xbf<?xml version='1.0'?><a/>")],
  ["SVG with a prefix", "image/svg+xml", join('<a:svg xmlns:a="http://www.w3.org/2000/svg"/>')],
  ["PDF by an old name", "application/x-pdf", pdf],
  ["ZIP by the name of Windows", "application/x-zip-compressed", zip({ "a.txt": noise(9000) })],
  ["document in a ZIP", "application/zip", zip({ "[Content_Types].xml": types(word) })],
  ["DOCX", word, zip({ "[Content_Types].xml": types(word), "word/document.xml": "<a/>" })],
  [
    "DOCX with its types at the end",
    word,
    zip({ "word/media/a.png": noise(9000), "[Content_Types].xml": types(word) }),
  ],
  [
    "DOCX that was streamed",
    word,
    zip({ "_rels/.rels": noise(9000), "[Content_Types].xml": types(word) }, { isStreamed: true }),
  ],
  [
    "ODT",
    "application/vnd.oasis.opendocument.text",
    opened("application/vnd.oasis.opendocument.text"),
  ],
  ["JAR", "application/java-archive", zip({ "META-INF/MANIFEST.MF": "a" })],
  ["KMZ, which is a ZIP", "application/vnd.google-earth.kmz", zip({ "doc.kml": "<kml/>" })],
  ["DOC", "application/msword", cfb],
  ["table of Windows", "application/vnd.ms-excel", join("a;b\r\n1;2\r\n")],
  ["gzip", "application/x-gzip", gzipSync(noise(9000))],
  ["bzip2", "application/x-bzip2", join("BZh91AY&SY", noise(40))],
  ["RAR", "application/vnd.rar", join("Rar!\x1a\x07\x01\0", noise(40))],
  ["MP3", "audio/mpeg", join(mp3Frame, mp3Frame)],
  ["MP3 with a picture", "audio/mp3", join(id3(100_000), mp3Frame)],
  ["WAV", "audio/x-wav", riff("WAVE", riffChunk("fmt ", noise(16)), riffChunk("data", noise(9)))],
  ["FLAC", "audio/flac", join("fLaC\0\0\0\x22", noise(40))],
  ["Opus", "audio/ogg", oggPage("OpusHead\x01\x02")],
  ["AAC", "audio/aac", join("\xff\xf1\x50\x80", noise(60))],
  ["AIFF", "audio/x-aiff", join("FORM", be32(60), "AIFF", noise(60))],
  ["MIDI", "audio/midi", join("MThd", be32(6), "\0\x01\0\x01\0\x60", noise(20))],
  ["M4A", "audio/mp4", ftyp("M4A ", "isom")],
  ["MP4", "video/mp4", ftyp("isom", "mp41")],
  ["MOV", "video/quicktime", ftyp("qt  ")],
  ["MP4 of a phone", "video/quicktime", ftyp("mp42", "isom")],
  ["sound in WebM", "audio/webm", ebml("webm")],
  ["Matroska", "video/x-matroska", ebml("matroska")],
  ["AVI", "video/x-msvideo", riff("AVI ", riffChunk("LIST", noise(60)))],
  ["WOFF", "font/woff", join("wOFF\0\x01\0\0", noise(60))],
  ["TrueType", "font/ttf", sfnt("\0\x01\0\0")],
  ["OpenType", "font/otf", sfnt("OTTO")],
  ["SQLite", "application/vnd.sqlite3", join("SQLite format 3\0", noise(90))],
  ["program", "application/octet-stream", program],
  ["disk image", "application/x-iso9660-image", zeros(5000)],
  ["text", "text/plain; charset=utf-8", Buffer.from("Ein Text mit Umläuten: äöü.\n")],
  ["text of 16 bits", "text/plain", Buffer.from("\ufeffä text", "utf16le")],
  ["text that begins like a BMP", "text/csv", join("BMI,Weight\n22,70\n")],
  ["text that begins like a program", "text/plain", join("MZ is how programs begin.\n")],
  ["JSON", "application/json", join('{"a": [1, 2]}')],
  ["Markdown with HTML", "text/markdown", join("# A\n<iframe></iframe>")],
  ["XML", "application/xml", join('<?xml version="1.0"?><a/>')],
  ["HTML", "text/html", page],
  ["a format that nobody knows", "application/x-of-our-own", noise(200)],
];

/** A name, the declared type, the bytes, and the type that is found. */
export const LIES: ReadonlyArray<
  readonly [name: string, type: string, bytes: Buffer, found: string]
> = [
  ["program for Windows", "image/png", program, "application/x-msdownload"],
  ["program for Windows", "text/plain", program, "application/x-msdownload"],
  ["program for Windows", "application/x-of-our-own", program, "application/x-msdownload"],
  ["program for Linux", "image/jpeg", elf, "application/x-elf"],
  ["script", "application/pdf", join("#!/bin/sh\nrm -r .\n"), "unknown"],
  ["page", "image/png", page, "text/html"],
  ["page", "image/svg+xml", page, "text/html"],
  ["page around a picture", "image/svg+xml", join("<html><body>", svg), "text/html"],
  ["page", "audio/mpeg", join("\n\n<script>alert(1)</script>"), "text/html"],
  ["page", "image/x-of-our-own", page, "text/html"],
  ["page", "application/pdf", page, "unknown"],
  ["text", "image/svg+xml", join("no picture"), "unknown"],
  ["picture", "image/svg+xml", png(), "image/png"],
  ["drawing", "image/png", join('<?xml version="1.0"?>', svg), "application/xml"],
  ["ZIP", "image/png", zip({ "a.txt": zeros(9_000_000) }), "application/zip"],
  ["ZIP", "image/svg+xml", zip({ "a.txt": "a" }), "application/zip"],
  ["ZIP", "image/x-of-our-own", zip({ "a.txt": "a" }), "application/zip"],
  ["JAR", word, zip({ "META-INF/MANIFEST.MF": "a" }), "application/java-archive"],
  ["gzip", "image/jpeg", gzipSync(jpeg(latin1(jfif))), "application/gzip"],
  ["picture", "application/pdf", png(), "image/png"],
  ["picture", "text/plain", png(), "image/png"],
  ["film", "audio/mpeg", ebml("webm"), "video/webm"],
  ["film", "image/avif", ftyp("isom"), "video/mp4"],
  ["page behind a comment", "image/svg+xml", join("<!-- <svg> -->", page), "text/html"],
  ["page behind an instruction", "image/svg+xml", join("<?a <svg> ?>", page), "text/html"],
  [
    "page behind a declaration",
    "image/svg+xml",
    join("<!DOCTYPE a [<!ENTITY b ']><svg>'> <!-- ]><svg> -->]><html><svg>"),
    "text/html",
  ],
  ["page in a comment that is open", "image/svg+xml", join("<!-- <svg><html>"), "text/html"],
  ["other XML", "image/svg+xml", join("<a><svg></svg></a>"), "unknown"],
  ["PNG behind a BOM", "image/png", join("\xef\xbb\xbf", png()), "unknown"],
  ["PDF behind a BOM", "application/pdf", join("\xef\xbb\xbf", pdf), "unknown"],
  ["PNG behind a BOM of UTF-16", "image/png", join("\xff\xfe", png()), "unknown"],
  ["PNG behind a tag of sounds", "image/png", join("ID3\x03", zeros(6), png()), "unknown"],
  ["PNG behind a line", "image/png", join("\n", png()), "unknown"],
  ["GIF behind a space", "image/gif", join(" ", gif), "unknown"],
  ["half of a mark", "image/png", join("\x89PNG"), "unknown"],
];
