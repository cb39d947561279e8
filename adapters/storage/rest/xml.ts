// Answers of S3 are read as text: the relevant elements have no attributes.

/** Returns true if the document has this root, and is complete. */
export function isWhole(xml: string, root: string): boolean {
  const text = xml.trimEnd();
  const start = text.indexOf(`<${root}`);
  const isEmpty = text.endsWith("/>") && text.lastIndexOf("<") === start;
  return start !== -1 && (isEmpty || text.endsWith(`</${root}>`));
}

export const textsIn = (xml: string, name: string): ReadonlyArray<string> =>
  xml
    .split(`<${name}>`)
    .slice(1)
    .flatMap((rest) => {
      const end = rest.indexOf(`</${name}>`);
      return end === -1 ? [] : [rest.slice(0, end)];
    });

export const textIn = (xml: string, name: string): string | undefined => textsIn(xml, name)[0];

/** Writes an element; the content is XML already. */
export const element = (name: string, content: string | number): string =>
  `<${name}>${content}</${name}>`;

export const document = (name: string, content: string): string =>
  `<${name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${content}</${name}>`;

export const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Replaces references (XML 1.0, section 4.1); Go's servers write an apostrophe in a name as one. */
export const unescape = (text: string): string =>
  text.replaceAll(REFERENCE, (whole, name, decimal, hexadecimal) => {
    if (name) return NAMED[name as keyof typeof NAMED];
    const code = decimal ? Number(decimal) : Number.parseInt(hexadecimal, 16);
    return code > 0x10_ff_ff ? whole : String.fromCodePoint(code);
  });

const REFERENCE = /&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([\dA-Fa-f]{1,6}));/g;
const NAMED = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
