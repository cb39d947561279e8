import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import fc from "fast-check";
import { expect, it } from "vitest";
import { essence, usualExtensions, isExecutable, MediaType } from "../../domain/media-type.ts";

const accepts = (value: string) => Result.isSuccess(Schema.decodeUnknownResult(MediaType)(value));

it.each([
  "image/png",
  "IMAGE/PNG",
  "application/vnd.oasis.opendocument.text",
  "image/svg+xml",
  "text/plain;charset=utf-8",
  "text/plain ; charset=utf-8",
  "text/plain; CHARSET=utf-8",
  'video/mp4; codecs=" a "',
  'text/plain; charset="utf-8"',
  'video/mp4; codecs="avc1.4d002a, mp4a.40.2"',
  'text/plain; charset="a\\"b"',
  `a/${"b".repeat(253)}`,
])("%s is a media type", (value) => {
  expect(accepts(value)).toBe(true);
});

it.each([
  "",
  "image",
  "image/",
  "/png",
  "image/png/x",
  " image/png",
  "image/png ",
  "image /png",
  "image/*",
  "*/*",
  "image/png, text/html",
  "image/png;charset=a,text/html",
  'image/png; charset="a, text/html"',
  "im\u0430ge/png",
  "image/\uff50\uff4e\uff47",
  "image/png;codecs=\u212a",
  "image / png",
  `image/png${";".repeat(10_000)}`,
  `a/${"b; ".repeat(84)}!`,
  "constructor",
  "image/png\r\nX-Evil: 1",
  "image/png\u0000",
  "ımage/png",
  "text/plain; charset",
  "text/plain; charset=",
  "text/plain; charset =utf-8",
  "text/plain; charset= utf-8",
  'text/plain; charset="utf-8',
  'text/plain; charset="a,b"',
  "text/plain; charset=utf-8; charset=utf-7",
  "text/plain; boundary=x",
  "text/plain; charset=utf-8 x",
  "text/plain; codecs=a,b",
  'text/plain; charset="é"',
  'text/plain; charset="a\nb"',
  `a/${"b".repeat(254)}`,
])("%j is refused as a media type", (value) => {
  expect(accepts(value)).toBe(false);
});

it.each([
  "text/plain;\tcharset=utf-8",
  "text/plain;  charset=utf-8",
  "text/plain  ;charset=utf-8",
  "text/plain; ;  charset=utf-8",
  'video/mp4; codecs="a,\tb"',
  'video/mp4; codecs="a,  b"',
  "text/plain\t",
])("%j, which a signature would change, is refused, and the reason says so", (value) => {
  const result = Schema.decodeUnknownResult(MediaType)(value);
  expect(String(Result.isFailure(result) && result.failure)).toContain(
    "it has a tab or two spaces in a row; use one space",
  );
});

it("a media type has nowhere a character that could end a header", () => {
  const valid = fc.constantFrom("image/png", "text/plain; charset=utf-8", 'a/b; codecs="c, d"');
  const control = fc.integer({ min: 0, max: 0x1f });
  const other = fc.constantFrom(0x7f, 0x80, 0xa0, 0x2028, 0xff0c);
  fc.assert(
    fc.property(valid, fc.nat({ max: 30 }), fc.oneof(control, other), (value, at, code) => {
      const character = String.fromCharCode(code);
      expect(accepts(value.slice(0, at) + character + value.slice(at))).toBe(false);
    }),
  );
});

it("the essence of a media type is in lower case, without parameters", () => {
  expect(essence(MediaType.make("Text/Plain ;charset=utf-8"))).toBe("text/plain");
});

it.each([
  // HTML and XML.
  ["text/html", true],
  ["TEXT/HTML; charset=utf-8", true],
  ["text/html ;charset=utf-8", true],
  ["application/xhtml+xml", true],
  ["image/svg+xml", true],
  ["application/atom+xml", true],
  ["application/xml", true],
  ["text/xml", true],
  ["text/xsl", true],
  // Scripts, by every name that WHATWG MIME Sniffing, section 4.6, has for them.
  ["application/ecmascript", true],
  ["application/javascript", true],
  ["application/x-ecmascript", true],
  ["application/x-javascript", true],
  ["text/ecmascript", true],
  ["text/javascript", true],
  ["text/javascript1.0", true],
  ["text/javascript1.1", true],
  ["text/javascript1.2", true],
  ["text/javascript1.3", true],
  ["text/javascript1.4", true],
  ["text/javascript1.5", true],
  ["text/jscript", true],
  ["text/livescript", true],
  ["text/x-ecmascript", true],
  ["text/x-javascript", true],
  // Documents with scripts in them, and pages with their parts.
  ["application/pdf", true],
  ["text/pdf", true],
  ["application/x-shockwave-flash", true],
  ["message/rfc822", true],
  ["application/x-mimearchive", true],
  ["multipart/related", true],
  ["multipart/x-mixed-replace", true],
  // Types for which browsers look at the bytes.
  ["application/unknown", true],
  ["unknown/unknown", true],
  ["image/png", false],
  ["text/plain", false],
  ["text/html5", false],
  ["application/gzip", false],
  ["application/json", false],
  ["application/xml-dtd", false],
  ["application/multipart", false],
])("%s would be executed by a browser: %s", (type, executable) => {
  expect(isExecutable(MediaType.make(type))).toBe(executable);
});

it("a media type has its usual extensions, and names of built-in properties have none", () => {
  expect(usualExtensions(MediaType.make("image/jpeg"))[0]).toBe("jpg");
  expect(usualExtensions(MediaType.make("constructor/prototype"))).toEqual([]);
});
