// Answers of S3's API, whose elements are read as text: those that count have no attributes.

/** The contents of all elements of a name, in order. */
export const textsIn = (xml: string, name: string): ReadonlyArray<string> =>
  xml
    .split(`<${name}>`)
    .slice(1)
    .flatMap((rest) => {
      const end = rest.indexOf(`</${name}>`);
      return end === -1 ? [] : [rest.slice(0, end)];
    });

/** The content of the first element of a name. */
export const textIn = (xml: string, name: string): string | undefined => textsIn(xml, name)[0];

/** An element whose content is XML already. */
export const element = (name: string, content: string | number): string =>
  `<${name}>${content}</${name}>`;

/** The outermost element of a request. */
export const document = (name: string, content: string): string =>
  `<${name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${content}</${name}>`;

export const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

export const unescape = (text: string): string =>
  text
    .replaceAll(/&(?:quot|#34);/g, '"')
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
