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

export const unescape = (text: string): string =>
  text
    .replaceAll(/&(?:quot|#34);/g, '"')
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
